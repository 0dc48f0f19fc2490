"""What start-up costs, by counts: modules imported, processes started, files opened."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from projects import a_project

HEAVY = {
    *("pydantic", "rich", "ruamel", "fabric", "paramiko", "cryptography", "psutil", "sqlite3"),
    *("asyncio", "stamina", "jinja2", "sqlalchemy", "filelock"),
}
NOT_LOCAL = {"fabric", "paramiko", "cryptography", "asyncio", "jinja2", "starlette", "sqlite3"}
VERBS = (
    *("official", "run", "preflight", "dq", "status", "monitor", "logs", "wait", "stop"),
    *("resume", "init", "hosts list", "hosts show", "config path", "config check", "config schema"),
)

# Runs the command line and then says which modules are there and what was started or opened.
WATCHED = """
import json, sys
started, opened = [], []
def hook(event, args):
    if event == "subprocess.Popen":
        started.append([str(word) for word in args[1]])
    elif event in ("os.fork", "os.posix_spawn", "os.system", "os.exec"):
        started.append([event])
    elif event == "open" and isinstance(args[0], str):
        opened.append(args[0])
out = sys.argv.pop(1)
sys.addaudithook(hook)
try:
    from remoterun.cli.app import main
    main()
finally:
    with open(out, "w") as file:
        said = {"modules": sorted(sys.modules), "started": started, "opened": opened}
        json.dump(said, file)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with a_project(tmp_path_factory.mktemp("start")) as made:
        made.configure(data_quality={})
        made.commit()
        yield made


def watched(project, *words: str, code: int = 0, **environ: str) -> dict:
    out = project.root.parent / "watched.json"
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(out), *words],
        cwd=project.root,
        env=project.environ | environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    said = json.loads(out.read_text())
    said["packages"] = {name.partition(".")[0] for name in said["modules"]}
    said["printed"] = done.stdout + done.stderr
    return said


def modules_of(code: str) -> set[str]:
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["-h"], []])
def test_help_and_version_import_nothing_heavy_and_little_beside_typer(project, words):
    said = watched(project, *words, code=2 if not words else 0)

    assert said["packages"] & HEAVY == set()
    # the counting itself needs json
    more = set(said["modules"]) - modules_of("import typer, json")
    assert len(more) <= 30, sorted(more)
    assert said["started"] == []
    assert "remoterun" in said["printed"]


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_imports_pydantic_at_most(project, verb):
    said = watched(project, *verb.split(), "--help")

    assert said["packages"] & HEAVY <= {"pydantic"}
    assert said["started"] == []
    assert "Usage:" in said["printed"]


def test_every_verb_is_in_the_list_above(project):
    from typer.main import get_command

    from remoterun.cli.app import app

    found = set()
    for name, command in get_command(app).commands.items():
        below = getattr(command, "commands", None)
        found |= {f"{name} {word}" for word in below} if below else {name}
    assert {name for name in found if "complet" not in name} == set(VERBS)


@pytest.mark.parametrize("typed", ["", "stat", "official --wor", "status "])
def test_completion_imports_pydantic_at_most_and_starts_nothing(project, typed):
    words = f"remoterun {typed}"
    environ = {
        "_REMOTERUN_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    said = watched(project, **environ)

    assert said["packages"] & (HEAVY - {"ruamel"}) <= {"pydantic"}
    assert said["started"] == []


def test_local_verbs_on_an_empty_project_start_no_process(project):
    for words in (["status"], ["hosts", "list"], ["config", "path"], ["status", "-o", "json"]):
        said = watched(project, *words)

        assert said["packages"] & NOT_LOCAL == set(), words
        assert said["started"] == [], words
        assert "rich" not in said["packages"], words


def test_verbs_that_look_at_ended_runs_start_no_process(project):
    for number in range(3):
        assert project.official(f"ended{number}").returncode == 0
    for words in (
        ["status"],
        ["status", "ended1"],
        ["status", "--check"],
        ["logs", "ended1"],
        ["wait", "ended1"],
        ["status", "-o", "name"],
    ):
        said = watched(project, *words)

        assert said["packages"] & NOT_LOCAL == set(), words
        assert said["started"] == [], words
        assert "rich" not in said["packages"], words


def test_the_files_that_a_list_opens_do_not_grow_with_the_number_of_finished_runs(project):
    assert project.official("copied").returncode == 0
    original = project.run_dir("copied")

    def opened(copies: range, *words: str) -> int:
        for number in copies:
            shutil.copytree(original, original.with_name(f"{original.name}_{number}"))
        found = watched(project, "status", *words)["opened"]
        return len([path for path in found if "/workstation_runs/" in path])

    some = opened(range(30))
    assert opened(range(30, 70)) == some
    everything = opened(range(70, 120), "--all")
    assert everything <= 4 * len(project.runs()) + 10, "manifest, exec, ending, waivers"
    for number in range(120):
        shutil.rmtree(original.with_name(f"{original.name}_{number}"))


def test_a_launch_is_one_exec_with_three_git_processes_and_little_to_send(project, tmp_path):
    (project.root / "job.sh").write_text((project.root / "job.sh").read_text() + "# dirty\n")
    (project.root / "untracked").write_text("")
    said = watched(project, "official", "--tag", "counted", "-d", "--", "--x", "1")

    programs = [os.path.basename(words[0]) for words in said["started"]]  # noqa: PTH119
    assert programs.count("git") <= 3
    shells = [words for words in said["started"] if words[0] == "bash"]
    assert shells[0] == ["bash", "-s"]
    # a detached launch is looked at once more, for the answer
    assert len(shells) <= 2
    assert set(programs) <= {"git", "bash"}
    project.remoterun("wait", "counted")


def test_following_a_launch_needs_no_second_exec(project):
    said = watched(project, "official", "--tag", "followed", "-f", "--", "--x", "1")

    assert [words for words in said["started"] if words[0] != "git"] == [["bash", "-s"]]


def test_what_a_launch_sends_fits_into_64_kb_and_the_scripts_into_16(project):
    from datetime import UTC, datetime

    from remoterun.records.config import read_configuration
    from remoterun.records.scripts import read_script
    from remoterun.rules.attempt_files import EXECUTABLE
    from remoterun.steps.launch import build_parcel
    from remoterun.steps.official import first_intent
    from remoterun.steps.request import Wishes, prepare_official
    from remoterun.transports.tar import pack

    configuration = read_configuration(project.root, project.environ, None, None)
    now = datetime.now(UTC)
    prepared = prepare_official(
        configuration, Wishes([b"--x", b"1"], tag="size"), project.environ, now
    )
    parcel = build_parcel(prepared.request, first_intent(prepared, now), None)
    sent = len(read_script("lib", "launch").text) + len(pack(parcel.files, executable=EXECUTABLE))

    assert sent <= 64_000


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_intent_is_on_disk_with_its_folder_before_anything_is_sent(project, tmp_path):
    trace = tmp_path / "trace"
    subprocess.run(
        [
            *("strace", "-f", "-qq", "-y", "-s", "200", "-o", str(trace)),
            *("-e", "trace=fsync,fdatasync,execve,linkat,link,rename,renameat,renameat2"),
            *(sys.executable, "-m", "remoterun", "official", "--tag", "durable", "-d"),
            *("--", "--x", "1"),
        ],
        cwd=project.root,
        env=project.environ | {"PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        timeout=60,
    )
    lines = trace.read_text(errors="replace").splitlines()
    sent = next(
        n for n, line in enumerate(lines) if 'execve("/usr/bin/bash", ["bash", "-s"]' in line
    )
    synced = [n for n, line in enumerate(lines) if "sync(" in line and ".remoterun/intents" in line]
    before = [lines[n] for n in synced if n < sent]
    assert len(before) >= 2, "the file and its folder"
    assert any(line.rstrip().rstrip("= 0").rstrip(" )").endswith("/intents>") for line in before)
    project.remoterun("wait", "durable")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_a_look_at_many_live_runs_starts_as_many_processes_as_at_one(project, tmp_path):
    from remoterun.steps.look import look

    (project.root / "then.sh").write_text("exec sleep 100\n")
    for number in range(6):
        assert project.official(f"live{number}", follow=False).returncode == 0
    (project.root / "then.sh").unlink()
    live = [run for run in project.runs() if "_live" in run.name]
    assert all(evidence.lock == "held" for evidence in look(live))

    def processes(count: int) -> int:
        trace = tmp_path / f"trace{count}"
        code = (
            "import sys; from pathlib import Path; from remoterun.steps.look import look\n"
            "look([Path(p) for p in sys.argv[1:]])"
        )
        subprocess.run(
            [
                *("strace", "-f", "-qq", "-e", "trace=execve", "-o", str(trace)),
                *(sys.executable, "-c", code, *map(str, live[:count])),
            ],
            check=True,
            env=project.environ | {"PATH": "/usr/bin:/bin"},
            timeout=60,
        )
        started = [x for x in trace.read_text().splitlines() if x.rstrip().endswith("= 0")]
        return len(started) - 1

    one, six = processes(1), processes(6)
    project.end_everything()
    assert one == six
    # bash itself is not counted among what it starts
    assert six - 1 <= 6 + 2, "stat, date, and the frame"
