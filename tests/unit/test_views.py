"""Pages, tables and lines: the same facts, whoever shows them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from remoterun.errors import UsageError
from remoterun.model.exit_status import Ending, ExitStatus
from remoterun.model.gate import GateRecord, GateResult
from remoterun.model.heartbeat import Heartbeat
from remoterun.model.manifest import Manifest
from remoterun.model.progress import Progress
from remoterun.model.run import Run, Unreadable
from remoterun.model.state import Basis, Flag, ProcessSeen, StateName
from remoterun.render.live import plain_lines
from remoterun.render.status_text import RULE, block, duration, monitor_line, size, table
from remoterun.rules.progress import Pace
from remoterun.rules.sight import Sight
from remoterun.rules.views.run_page import Watched, build_page, log_progress
from remoterun.rules.views.runs_table import Filters, in_order, matches, require_states
from tests.given_runs import evidence, manifest, state

NOW = datetime(2026, 3, 1, 10, 0, 5, tzinfo=UTC)
RUN_ID = "2026-03-01_093000_job_t1"


def page(name=StateName.RUNNING, *, watched=None, run=None, state_changes=None, **seen):
    known = Run(
        run_dir=Path("/p") / RUN_ID,
        attempt=1,
        attempt_dir=Path("/p") / RUN_ID,
        manifest=Manifest.model_validate(manifest(RUN_ID, "t1")),
    ).model_copy(update=run or {})
    sight = Sight(evidence(**seen))
    return build_page(known, sight, state(name, **(state_changes or {})), now=NOW, watched=watched)


def process(pid, cpu_pct, command="python a.py", elapsed_s=3725.0):
    return ProcessSeen(
        pid=pid,
        ppid=1,
        elapsed_s=elapsed_s,
        cpu_pct=cpu_pct,
        rss_bytes=500_000_000,
        state="R",
        command=command,
    )


def ending(**changed):
    said = {
        "schema_version": 1,
        "run_id": RUN_ID,
        "state": Ending.FAIL,
        "exit_code": 3,
        "end_utc": "2026-03-01T10:00:00Z",
        **changed,
    }
    return ExitStatus.model_validate(said)


def test_processor_use_is_the_sum_over_the_processes_of_the_run():
    seen = page(processes=(process(1, 350.0), process(2, 50.0)), processes_left=2)
    assert (seen.cpu_pct, seen.effective_cores, seen.rss_bytes) == (400.0, 4.0, 10**9)
    assert seen.alive


def test_without_a_list_of_processes_the_heartbeat_tells_it():
    beat = Heartbeat(
        schema_version=1,
        run_id=RUN_ID,
        written_utc="2026-03-01T10:00:00Z",
        seq=3,
        pid=1,
        children=2,
        cpu_pct=150.0,
        rss_bytes=10,
    )
    assert page(heartbeat=beat).effective_cores == 1.5
    assert page(heartbeat=beat.model_copy(update={"children": 0})).cpu_pct is None
    assert page(StateName.SUCCEEDED, heartbeat=beat).cpu_pct is None


def test_a_run_that_ended_is_never_alive_and_its_age_is_that_of_its_end():
    seen = page(
        StateName.FAILED, ending=ending(), supervisor_alive=True, state_changes={"age_s": None}
    )
    assert not seen.alive
    assert (seen.age_s, seen.exit_code) == (5.0, 3)


def test_an_unreadable_record_is_named_on_the_page():
    run = {"unreadable": (Unreadable(name="manifest.json", why="no JSON"),), "manifest": None}
    seen = page(run=run, unread=("exit_status.json",))
    assert seen.unread == ("exit_status.json: not understood", "manifest.json: no JSON")
    assert seen.decision_tag is None
    assert "unreadable: manifest.json: no JSON" in block(seen)


def test_progress_of_the_earlier_attempt_is_labelled():
    said = Progress(n_done=5, n_target=10)
    older = {"progress": said, "progress_age_s": 100.0, "elapsed_s": 10.0}
    assert page(run={"attempt": 2}, **older).progress.earlier_attempt
    assert not page(run={"attempt": 1}, **older).progress.earlier_attempt
    newer = {**older, "progress_age_s": 1.0}
    assert not page(run={"attempt": 2}, **newer).progress.earlier_attempt


def test_the_log_tells_progress_only_where_no_file_does_and_the_command_began():
    lines = ["[job] limit 3/4", "draw 1/4"]
    assert log_progress(evidence(exec_marker=True), lines, ()).n_done == 1
    assert log_progress(evidence(exec_marker=False), lines, ()) is None
    told = evidence(exec_marker=True, progress=Progress(n_done=5, n_target=10))
    assert log_progress(told, lines, ()) is None


def test_the_block_has_the_lines_of_the_documentation_in_their_order():
    seen = page(
        watched=Watched(tail=["first", "last \x1b[2J"], writes=("out",)),
        processes=(process(7, 99.5),),
        processes_left=1,
        supervisor_pid=7,
        progress=Progress(n_done=17, n_target=256, updated_utc="2026-03-01T09:59:00Z"),
        log_bytes=10,
        elapsed_s=3725.0,
    )
    lines = block(seen).split("\n")
    heads = ["=" * RULE, "out: ", "pid: ", "ps : ", "progress: ", "log: ", "-" * RULE, "first"]
    places = [next(i for i, line in enumerate(lines) if line.startswith(h)) for h in heads]
    assert places == sorted(places)
    assert places[0] == 0
    assert "pid: 7 running: True" in lines
    assert "ps : 7 01:02:05 99.5 - python a.py" in lines
    assert "progress: 17/256 (6.6%) [updated=2026-03-01T09:59:00Z]" in lines
    assert "state: running (lock)" in lines
    assert lines[-1] == "last \\x1b[2J"


def test_the_block_of_an_ended_run_says_code_and_time():
    text = block(page(StateName.FAILED, ending=ending()))
    assert "exit: code=3 end_utc=2026-03-01T10:00:00Z" in text
    assert "pid: <missing> running: False" in text
    assert "log: <no run.log yet>" in text


def test_the_block_names_refusing_gates_waivers_and_flags():
    text = block(
        page(
            gates=(GateRecord(name="preflight", result=GateResult.FAILED, reasons=("2 < 8",)),),
            waived=("data_quality skipped (hui: known)",),
            state_changes={"flags": (Flag.STALLED,)},
        )
    )
    assert "gate: preflight failed: 2 < 8" in text
    assert "waiver: data_quality skipped (hui: known)" in text
    assert "flags: stalled" in text


def test_the_table_has_one_line_a_run_and_no_control_byte():
    hostile = page(run={"manifest": None, "run_dir": Path("/p/\x1b[31m\nx")})
    lines = table([page(), hostile]).split("\n")
    assert len(lines) == 3
    assert "\x1b" not in lines[2]


def test_words_of_the_records_filter_like_our_own():
    blocked = page(StateName.BLOCKED, ending=ending(state=Ending.DQ_FAIL, gate="data_quality"))
    assert matches(blocked, Filters(states=("dq_fail",)), 0)
    assert not matches(blocked, Filters(states=("preflight_fail",)), 0)
    assert matches(blocked, Filters(states=("blocked",)), 0)
    assert matches(page(StateName.TIMED_OUT), Filters(states=("fail",)), 0)
    assert matches(page(StateName.SUCCEEDED), Filters(states=("fail", "success")), 0)
    assert not matches(page(StateName.LOST), Filters(states=("fail", "success")), 0)


def test_an_unknown_state_is_refused_with_the_nearest_one():
    with pytest.raises(UsageError) as error:
        require_states(["sucess"])
    assert "success" in error.value.fix


def test_filters_by_host_tag_and_age_all_must_hold():
    assert matches(page(), Filters(host="local", tag_glob="t*", since_s=10, older_s=1), 5)
    assert not matches(page(), Filters(host="ws1"), 5)
    assert not matches(page(), Filters(tag_glob="T*"), 5)
    assert not matches(page(), Filters(since_s=4), 5)
    assert not matches(page(), Filters(older_s=6), 5)
    assert not matches(page(), Filters(since_s=4), None)


def test_what_goes_on_stands_before_what_has_ended():
    running, ended = page(), page(StateName.SUCCEEDED)
    assert [p.state for p in in_order([ended, running])] == ["running", "succeeded"]


def test_off_a_terminal_a_line_comes_with_a_change_or_with_the_interval():
    moments = iter([0, 29, 30, 31])
    first, later = page(), page(elapsed_s=9.0)
    stalled = page(state_changes={"flags": (Flag.STALLED,)})
    shown = plain_lines(
        [first, later, later, stalled], interval_s=30, clock=lambda: NOW, monotonic=moments.__next__
    )
    counts = [len(lines) for _, lines in shown]
    assert counts == [1, 0, 1, 1]


def test_a_milestone_is_told_once_also_when_old_ones_are_forgotten():
    def reached(*texts):
        return page(watched=Watched(milestones=texts))

    pages = [reached("a"), reached("a"), reached("a", "b"), reached("b", "c"), reached("c", "c")]
    told = [
        line.removeprefix("  milestone: ")
        for _, lines in plain_lines(pages, interval_s=1e9, clock=lambda: NOW)
        for line in lines
        if "milestone" in line
    ]
    assert told == ["a", "b", "c", "c"]


def test_the_monitor_line_says_rate_and_time_left():
    seen = page(watched=Watched(pace=Pace(2.0, 100.0)), progress=Progress(n_done=50, n_target=250))
    assert "50/250 (20.0%) 2/s, 1 min 40 s left" in monitor_line(seen, NOW)


def test_a_state_never_stands_without_its_basis():
    unknown = page(StateName.UNKNOWN, state_changes={"basis": None})
    assert "unknown (nothing proves it)" in block(unknown)
    known = page(state_changes={"basis": Basis.HEARTBEAT, "age_s": 61.0})
    assert "state: running (heartbeat, 1 min 1 s ago)" in block(known)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3725, "1 h 2 min"), (90000, "1 d 1 h")],
)
def test_durations_have_two_units_at_most(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (64 * 10**9, "64.0 GB")]
)
def test_sizes_are_in_powers_of_a_thousand(count, text):
    assert size(count) == text
