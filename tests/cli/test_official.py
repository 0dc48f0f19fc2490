"""An official run as a user starts it: what reaches the command, what is written down."""

import hashlib
import json
import os

import pytest
from given import wait_until
from projects import a_project, environment, lines_of, received, record

INPUT = ("--dq-input-csv", "table.csv")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with a_project(tmp_path_factory.mktemp("official")) as made:
        yield made


def test_a_run_that_passes_its_gates_leaves_every_record(project):
    done = project.official(
        "whole", *INPUT, "--owner", "wei", "--notes", 'a "quoted" note', "--threads", "3"
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"host local · root {project.root} · commit ")
    assert "next: " in done.stderr.splitlines()[-1]
    run_dir = project.run_dir("whole")
    assert run_dir.name in done.stdout
    assert received(run_dir) == [
        *(b"--factor", b"combo"),
        *(b"--decision-tag", b"whole", b"--owner", b"wei", b"--notes", b'a "quoted" note'),
    ]
    variables = environment(run_dir)
    assert variables["REMOTERUN_RUN_ID"] == run_dir.name
    assert variables["REMOTERUN_TAG"] == "whole"
    assert variables["REMOTERUN_ATTEMPT"] == "1"
    assert variables["OUT_DIR"] == variables["REMOTERUN_RUN_DIR"] == str(run_dir)
    for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR"):
        assert variables[f"{name}_NUM_THREADS"] == "3"
    assert variables["PATH"] == os.environ["PATH"]
    assert variables["LC_ALL"] == "C.UTF-8"
    assert variables["PWD"] == str(project.root)
    context = record(run_dir, "context.json")
    twelve = {
        "timestamp",
        "hostname",
        "git_branch",
        "git_commit",
        "workflow",
        "decision_tag",
        "owner",
        "notes",
        "threads",
        "skip_data_quality_check",
        "data_quality_input_csv",
        "data_quality_report_json",
    }
    assert twelve <= set(context)
    assert context["notes"] == 'a "quoted" note'
    assert context["git_commit"] == project.git("rev-parse", "HEAD").strip()
    assert context["threads"] == 3
    report = run_dir / "data_quality/data_quality_report.json"
    assert context["data_quality_report_sha256"] == digest(report)
    log = lines_of(run_dir / "run.log")
    assert log[0].startswith("[job] start_utc=")
    assert log[-1].startswith("[job] done_utc=")
    assert (run_dir / "pid.txt").read_text().strip() == ""


def test_the_digest_list_holds_for_every_file_and_nothing_is_written_after_it(project):
    assert project.official("listed", *INPUT).returncode == 0
    run_dir = project.run_dir("listed")
    artifacts = run_dir / "artifacts.json"
    listed = {file["path"]: file for file in record(run_dir, "artifacts.json")["files"]}

    for name, file in listed.items():
        assert digest(run_dir / name) == file["sha256"], name
        assert (run_dir / name).stat().st_size == file["bytes"]
        assert file["path_base"] == "run_dir"
    on_disk = {str(p.relative_to(run_dir)) for p in run_dir.rglob("*") if p.is_file()}
    assert on_disk - set(listed) == {"artifacts.json", "pid.txt", "control/lock"}
    last = artifacts.stat().st_mtime_ns
    assert [n for n in listed if (run_dir / n).stat().st_mtime_ns > last] == []


def test_the_same_line_again_answers_with_the_run_and_starts_nothing(project):
    assert project.official("again", *INPUT).returncode == 0

    done = project.official("again", *INPUT)

    assert done.returncode == 0
    assert "nothing was started" in done.stderr
    assert lines_of(project.run_dir("again") / "ran") == ["ran 1"]


@pytest.mark.parametrize(
    ("flags", "args", "said"),
    [
        (("--notes", "other"), ("--factor", "combo"), 'notes was "", is now "other"'),
        (("--threads", "2"), ("--factor", "combo"), "threads was 8, is now 2"),
        ((), ("--factor", "other"), "argv"),
        (("--owner", "wei"), ("--factor", "combo"), "owner"),
    ],
)
def test_another_request_under_the_same_tag_is_a_conflict_that_says_what_differs(
    project, flags, args, said
):
    if not list(project.root.glob("audit/*/*_taken")):
        assert project.official("taken", *INPUT).returncode == 0

    done = project.official("taken", *INPUT, *flags, args=args)

    assert done.returncode == 10, done.stderr
    assert said in done.stderr
    assert "fix:" in done.stderr
    assert lines_of(project.run_dir("taken") / "ran") == ["ran 1"]


@pytest.mark.parametrize(
    "args",
    [
        ("--decision-tag", "other"),
        ("--decision-tag=other",),
        ("--decision-tag",),
        ("--decision-tag=",),
        ("--decision-tag", "own", "--decision-tag", "other"),
    ],
)
def test_arguments_that_name_another_tag_are_refused(project, args):
    done = project.official("own", *INPUT, args=("--x", "1", *args))

    assert done.returncode == 2, done.stdout
    assert "--decision-tag" in done.stderr
    assert not list(project.root.glob("audit/*/*_own"))


def test_identity_arguments_that_are_there_are_not_added_again(project):
    args = ("--decision-tag=there", "--owner=wei", "--notes", "mine")
    assert project.official("there", *INPUT, "--notes", "ours", args=args).returncode == 0

    assert received(project.run_dir("there")) == [word.encode() for word in args]


def test_without_identity_args_the_words_after_the_dashes_are_all(tmp_path):
    with a_project(tmp_path) as fresh:
        fresh.configure(identity_args=False, data_quality={})
        fresh.commit()

        assert fresh.official("plain", args=("a", "", "--", "b c")).returncode == 0
        assert received(fresh.run_dir("plain")) == [b"a", b"", b"--", b"b c"]
        assert fresh.official("none", args=()).returncode == 0
        assert not (fresh.run_dir("none") / "received").exists()


def test_with_identity_args_there_must_be_arguments(project):
    done = project.official("no_args", *INPUT, args=())
    assert done.returncode == 2
    assert "needs its arguments after `--`" in done.stderr


def test_parameters_are_the_workflows_and_the_arguments(tmp_path):
    with a_project(tmp_path) as fresh:
        fresh.configure(parameters={"seed": 7, "grid": [1, 2.5, "x"]}, data_quality={})
        fresh.commit()
        args = ("--factor", "combo", "--threads=4", "--flag", "--cost-multipliers", "1.5,2.0")
        assert fresh.official("p", args=args).returncode == 0

        manifest = record(fresh.run_dir("p"), "manifest.json")

    assert manifest["parameters"] == {
        "seed": 7,
        "grid": [1, 2.5, "x"],
        "factor": "combo",
        "threads": "4",
        "cost-multipliers": "1.5,2.0",
    }


def test_what_is_typed_wrong_leaves_nothing_behind(project):
    before = project.runs()
    for words in (
        ["--workflow", "gate"],
        ["--host", "ws9"],
        ["--cpuset", "one"],
        ["--cpuset", "0-"],
        ["--threads", "0"],
        ["--set", "data_quality.min_row=1"],
        ["--set", "min_rows=1"],
        ["--set", "data_quality.min_rows"],
    ):
        done = project.official("wrong", *INPUT, *words)
        assert done.returncode == 2, (words, done.stderr)
        assert "Traceback" not in done.stderr
    assert project.runs() == before


def test_cpus_are_pinned_recorded_and_refused_when_they_are_not_ours(tmp_path):
    with a_project(tmp_path) as fresh:
        fresh.configure(data_quality={})
        (fresh.root / "then.sh").write_text(
            'grep Cpus_allowed_list /proc/self/status >"$OUT_DIR/c"'
        )
        fresh.commit()
        mine = sorted(os.sched_getaffinity(0))
        allowed = cpu_list((fresh.root / "then.sh").parent, fresh, "all", "--cpuset", "all")
        assert allowed == set(mine)
        one = cpu_list(fresh.root, fresh, "one", "--cpuset", str(mine[-1]))
        assert one == {mine[-1]}
        auto = cpu_list(fresh.root, fresh, "auto", "--cpuset", "auto", "--threads", "1")
        assert len(auto) == 1
        assert auto <= set(mine)
        written = record(fresh.run_dir("auto"), "control/exec")["cpus"]
        assert expand(written) == auto
        assert expand(record(fresh.run_dir("all"), "control/exec")["cpus"]) == set(mine)

        done = fresh.official("foreign", "--cpuset", "4095")

        assert done.returncode == 6, done.stdout
        assert "may not use CPU 4095" in done.stdout
        assert not (fresh.run_dir("foreign") / "control/exec").exists()


def cpu_list(_, project, tag, *flags):
    assert project.official(tag, *flags).returncode == 0
    return expand((project.run_dir(tag) / "c").read_text().split()[1])


def expand(text: str) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def test_a_time_limit_ends_the_run_and_is_no_success(tmp_path):
    with a_project(tmp_path) as fresh:
        fresh.configure(limits={"time": "1s", "stop_grace": "1s"}, data_quality={})
        (fresh.root / "then.sh").write_text("trap 'exit 0' TERM\nsleep 60 & wait\n")
        fresh.commit()

        done = fresh.official("slow")

        assert done.returncode == 7, done.stdout
        ending = record(fresh.run_dir("slow"), "exit_status.json")
        assert (ending["state"], ending["reason"]) == ("fail", "time_limit")
        assert ending["exit_code"] == 0
        wait_until(lambda: fresh.processes() == [], 10)
        shown = json.loads(fresh.remoterun("status", "slow", "-o", "json").stdout)
        assert shown["runs"][0]["state"] == "timed_out"


def test_a_dry_run_shows_the_argv_and_files_and_writes_nothing(project):
    before = project.runs()
    done = project.official("dry", *INPUT, "-n", follow=False)

    assert done.returncode == 0, done.stderr
    assert "bash -s" in done.stdout
    assert "job.sh --factor combo --decision-tag dry" in done.stdout
    assert "manifest.json" in done.stdout
    assert project.runs() == before
    assert not (project.root / ".remoterun/claims").exists() or not [
        p for p in (project.root / ".remoterun/intents").glob("*") if "dry" in p.read_text()
    ]


def test_detached_it_answers_before_the_end_and_json_has_the_envelope(project):
    done = project.official("away", *INPUT, "-d", "-o", "json", follow=False)

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["schema_version"], said["kind"]) == (1, "launch")
    (run,) = said["runs"]
    assert run["decision_tag"] == "away"
    assert project.remoterun("wait", "away", "--timeout", "20s").returncode == 0


def digest(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
