"""The bytes that were gated are the bytes that the command reads, or the command never starts."""

import hashlib
import os
import random
import threading
import time

import pytest
from projects import Project, a_project, lines_of, record

from remoterun.model.state import StateName

SWAPS = 30
GATE = """
genuine() { bash -c '. "$0/lib.sh" && . "$0/genuine_data_quality.sh"' "$0" "$@"; }
genuine "$@" || exit
"""
"""Runs the genuine data-quality gate; what is added happens right after it passed."""
BEFORE_THE_START = """
if [[ $2 == before ]]; then (cd -- "$1" && CHANGE); fi
exec bash -c '. "$0/lib.sh" && . "$0/genuine_finalize.sh"' "$0" "$@"
"""
"""Stands in for finalize.sh, which the supervisor asks between the pin and the start."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with a_project(tmp_path_factory.mktemp("inputs")) as made:
        yield made


@pytest.fixture
def fresh(tmp_path):
    with a_project(tmp_path) as made:
        yield made


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_by_the_command(run_dir) -> str:
    return (run_dir / "read").read_text().split()[0]


def swap(project: Project, number: int, manner: str) -> None:
    """Another table that passes as well, in place or by rename."""
    path = project.root / "table.csv"
    text = path.read_text().replace("0.5", f"0.{number:03}")
    if manner == "rename":
        other = project.root / ".other.csv"
        other.write_text(text)
        other.replace(path)
    else:
        with path.open("r+") as file:
            file.write(text)
            file.truncate()


@pytest.mark.parametrize("manner", ["in_place", "rename"])
def test_a_swap_at_any_instant_is_refused_or_unseen_by_the_command(project, manner, soak):
    chance = random.Random(8)
    for number in range(SWAPS * soak // 2):
        original = project.write_table().read_bytes()
        delay = chance.uniform(0, 0.45)

        def later(delay=delay, number=number):
            time.sleep(delay)
            swap(project, 100 + number, manner)

        other = threading.Thread(target=later)
        other.start()
        launch = project.launch(f"{manner}.{number}")
        other.join()

        if launch.state.name is StateName.BLOCKED:
            assert launch.executions == 0
            continue
        gated = record(launch.run_dir, "data_quality/data_quality_report.json")["input_sha256"]
        assert read_by_the_command(launch.run_dir) == gated
        context = record(launch.run_dir, "context.json")
        assert context["data_quality_input_sha256"] == gated
        swapped = (project.root / "table.csv").read_bytes()
        assert gated in (digest(original), digest(swapped))


@pytest.mark.parametrize("manner", ["in_place", "rename", "gone"])
def test_a_swap_right_after_the_gate_is_refused(project, manner):
    project.write_table()
    change = {
        "in_place": "printf '2026-01-01,A,1\\n' >>\"$table\"",
        "rename": 'sed s/0.5/0.7/ "$table" >"$table.new"; mv "$table.new" "$table"',
        "gone": 'rm "$table"',
    }[manner]
    text = f"{GATE}table=table.csv\n{change}\nexit 0\n"

    launch = project.launch(f"after_gate.{manner}", wrappers={"data_quality.sh": text})

    assert launch.executions == 0
    assert launch.state.name is StateName.BLOCKED
    ending = record(launch.run_dir, "exit_status.json")
    assert (ending["state"], ending["reason"]) == ("dq_fail", "input_changed")
    assert "input" in ending["reasons"][0]


def test_a_swap_between_the_pin_and_the_start_does_not_reach_the_command_and_is_recorded(project):
    before = digest(project.write_table().read_bytes())
    text = BEFORE_THE_START.replace("CHANGE", "sed -i s/0.5/0.7/ ../../../table.csv")

    launch = project.launch("behind_the_pin", wrappers={"finalize.sh": text})

    after = digest((project.root / "table.csv").read_bytes())
    assert after != before
    assert launch.state.name is StateName.SUCCEEDED
    assert read_by_the_command(launch.run_dir) == before
    result = record(launch.run_dir, "result.json")
    assert (result["input_sha256_start"], result["input_sha256_end"]) == (before, after)
    assert result["input_check"] == "sha256"


def test_an_edit_of_the_pinned_copy_itself_is_refused(project):
    project.write_table()
    change = "chmod u+w control/input/* && echo '2026-01-01,A,1' >>control/input/table.csv"
    text = BEFORE_THE_START.replace("CHANGE", change)

    launch = project.launch("pin_edited", wrappers={"finalize.sh": text})

    assert launch.executions == 0
    assert record(launch.run_dir, "exit_status.json")["reason"] == "input_changed"


@pytest.mark.parametrize("moment", ["before_exec", "never"])
def test_above_the_pin_limit_the_original_is_read_and_a_change_before_the_start_is_refused(
    project, moment
):
    before = digest(project.write_table().read_bytes())
    change = "sed -i s/0.5/0.7/ ../../../table.csv" if moment == "before_exec" else ":"
    text = BEFORE_THE_START.replace("CHANGE", change)

    launch = project.launch(
        f"not_pinned.{moment}",
        wrappers={"finalize.sh": text},
        sets=["data_quality.pin_limit=0B"],
    )

    if moment == "never":
        assert launch.executions == 1
        assert read_by_the_command(launch.run_dir) == before
        assert str(project.root / "table.csv") in (launch.run_dir / "environment").read_text()
    else:
        assert launch.executions == 0
        assert record(launch.run_dir, "exit_status.json")["reason"] == "input_changed"


def test_a_symlinked_input_is_gated_and_pinned_as_the_file_behind_it(project):
    table = project.write_table("elsewhere.csv")
    link = project.root / "link.csv"
    link.unlink(missing_ok=True)
    link.symlink_to(table)

    launch = project.launch("through_a_link", table="link.csv")

    assert launch.state.name is StateName.SUCCEEDED
    assert read_by_the_command(launch.run_dir) == digest(table.read_bytes())


def test_a_link_that_turns_between_gate_and_start_is_refused(project):
    project.write_table("one.csv")
    project.write_table("two.csv", score="0.9")
    link = project.root / "turning.csv"
    link.symlink_to("one.csv")
    text = f"{GATE}ln -sfn two.csv turning.csv\nexit 0\n"

    launch = project.launch("turned", table="turning.csv", wrappers={"data_quality.sh": text})

    assert launch.executions == 0
    assert record(launch.run_dir, "exit_status.json")["reason"] == "input_changed"


@pytest.mark.parametrize("kind", ["fifo", "directory", "missing", "unreadable", "empty", "device"])
def test_an_input_that_is_no_table_blocks_soon_and_in_words(project, kind):
    path = project.root / f"{kind}.csv"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind in ("unreadable", "empty"):
        path.write_text("")
        if kind == "unreadable":
            path.write_bytes(b"\xff\xfe\x00")
    table = "/dev/zero" if kind == "device" else path.name

    done = project.official(kind, "--dq-input-csv", table, timeout=40)

    assert done.returncode == 6, done.stderr
    run_dir = project.run_dir(kind)
    assert not (run_dir / "control/exec").exists()
    ending = record(run_dir, "exit_status.json")
    assert ending["state"] == "dq_fail"
    assert "data" in done.stdout
    logs = project.remoterun("logs", kind).stdout
    assert "refused the launch" in logs


def test_a_table_of_another_place_is_named_by_its_absolute_path(project, tmp_path):
    table = tmp_path / "outside table.csv"
    table.write_bytes(project.write_table().read_bytes())

    launch = project.launch("outside", table=str(table))

    assert launch.state.name is StateName.SUCCEEDED
    context = record(launch.run_dir, "context.json")
    assert context["data_quality_input_csv"] == str(table)
    assert context["path_base"]["data_quality_input_csv"] == "host"


@pytest.mark.parametrize("path", ["../outside.csv", "a/../../b.csv", "", ".", "folder/"])
def test_a_path_that_leaves_the_project_or_names_no_file_is_a_usage_error(project, path):
    done = project.official("leaves", "--dq-input-csv", path)

    assert done.returncode == 2
    assert not list((project.root / "audit/workstation_runs").glob("*_leaves"))


@pytest.mark.parametrize("change", ["edit", "commit", "checkout"])
def test_code_that_changes_between_preflight_and_start_blocks(fresh, change):
    project = fresh
    edit = "printf '# more\\n' >>job.sh"
    identity = "-c user.name=n -c user.email=n@example"
    words = {
        "edit": edit,
        "commit": f"{edit}; git {identity} commit -qam other",
        "checkout": "git checkout -q HEAD~1",
    }[change]
    project.git("commit", "-q", "--allow-empty", "-m", "second")
    text = f"{GATE}{words}\nexit 0\n"

    launch = project.launch(f"code.{change}", wrappers={"data_quality.sh": text})

    assert launch.executions == 0
    ending = record(launch.run_dir, "exit_status.json")
    assert (ending["state"], ending["reason"]) == ("preflight_fail", "code_changed")
    assert "the code changed after preflight" in ending["reasons"]


def test_what_the_gates_and_workflows_write_is_no_change_of_the_code(fresh):
    fresh.configure(outputs=["results/*"], report="reports/r.json")
    fresh.commit()
    text = f"{GATE}mkdir -p results reports; echo >results/a; echo >reports/r.json\nexit 0\n"

    launch = fresh.launch("writes", wrappers={"data_quality.sh": text}, require_clean=True)

    assert launch.state.name is StateName.SUCCEEDED
    assert lines_of(launch.run_dir / "ran") == ["ran 1"]
