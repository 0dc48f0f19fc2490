"""`classify` over all combinations of witnesses, against the table of P3."""

from itertools import product

import pytest
import strategies
from hypothesis import given, settings
from strategies import RUN_ID, TOKEN, WHEN

from remoterun.errors import Exit
from remoterun.model.exit_status import Ending, ExitStatus, Reason, ShimExit
from remoterun.model.state import Basis, Evidence, Flag, Lock, StateName
from remoterun.rules.state import DECISIVE, EXIT_OF_STATE, classify, worst


def an_ending(state, reason, exit_code=None, signal=None):
    return ExitStatus(
        schema_version=1,
        run_id=RUN_ID,
        token=TOKEN,
        state=state,
        reason=reason,
        exit_code=exit_code,
        signal=signal,
        end_utc=WHEN,
    )


ENDINGS = {
    None: None,
    StateName.SUCCEEDED: an_ending(Ending.SUCCESS, Reason.EXIT_CODE, 0),
    StateName.FAILED: an_ending(Ending.FAIL, Reason.SIGNAL, 137, 9),
    StateName.STOPPED: an_ending(Ending.STOPPED, Reason.STOP_REQUESTED, 0),
    StateName.TIMED_OUT: an_ending(Ending.FAIL, Reason.TIME_LIMIT, 0),
    StateName.BLOCKED: an_ending(Ending.DQ_FAIL, Reason.GATE),
}
SHIM_EXITS = {
    None: None,
    StateName.SUCCEEDED: ShimExit(exit_code=0, end_utc=WHEN, token=TOKEN),
    StateName.FAILED: ShimExit(exit_code=139, signal=11, end_utc=WHEN, token=TOKEN),
}


def expected(
    said, shim, *, missing, unread, same_host, same_boot, exec_marker, lock, left, stop_requested
):
    """The table of P3, row by row, written down apart from the code that is tested."""
    if missing or unread:
        return StateName.UNKNOWN
    if said is not None:  # a record counts whatever else is seen
        without_exec = said is StateName.SUCCEEDED and not exec_marker
        return StateName.UNKNOWN if without_exec else said
    if not same_host or lock is Lock.UNREADABLE:
        return StateName.UNKNOWN
    if not exec_marker:
        if lock is Lock.HELD:  # no exec, lock held
            return StateName.GATING
        return StateName.STOPPED if stop_requested else StateName.CLAIMED  # no exec, lock free
    if same_boot and lock is Lock.HELD:  # exec, lock held
        return StateName.RUNNING
    if same_boot and left is None:
        return StateName.UNKNOWN
    if same_boot and left:
        return StateName.RUNNING
    if shim is None:  # exec, lock free; or another boot
        return StateName.LOST
    return StateName.STOPPED if stop_requested else shim  # the second witness of P4


COMBINATIONS = list(
    product(
        ENDINGS,
        SHIM_EXITS,
        (False, True),  # missing
        (False, True),  # unread
        (True, False),  # same_host
        (True, False),  # same_boot
        (True, False),  # exec_marker
        Lock,
        (None, 0, 2),  # left
        (False, True),  # stop_requested
    )
)


def test_every_combination_of_witnesses_gives_the_state_of_the_table():
    wrong = []
    for row in COMBINATIONS:
        said, shim, missing, unread, same_host, same_boot, exec_marker, lock, left, stop = row
        evidence = Evidence.model_construct(
            run_dir="/p/run",
            missing=missing,
            unread=("control/exec",) if unread else (),
            same_host=same_host,
            same_boot=same_boot,
            exec_marker=exec_marker,
            lock=lock,
            processes_left=left,
            ending=ENDINGS[said],
            shim_exit=SHIM_EXITS[shim],
            stop_requested=stop,
        )
        right = expected(
            said,
            shim,
            missing=missing,
            unread=unread,
            same_host=same_host,
            same_boot=same_boot,
            exec_marker=exec_marker,
            lock=lock,
            left=left,
            stop_requested=stop,
        )
        if (found := classify(evidence).name) is not right:
            wrong.append((row, found, right))
    assert len(COMBINATIONS) > 10_000
    assert wrong == []


@settings(max_examples=400)
@given(strategies.evidence())
def test_no_run_succeeds_without_a_waited_for_zero(evidence):
    if classify(evidence).name is not StateName.SUCCEEDED:
        return
    witness = evidence.ending or evidence.shim_exit
    assert witness is not None
    assert (witness.exit_code, witness.signal) == (0, None)
    assert evidence.exec_marker
    assert evidence.ending is not None or not evidence.stop_requested


@settings(max_examples=400)
@given(strategies.evidence())
def test_a_run_is_lost_only_by_proof(evidence):
    if classify(evidence).name is not StateName.LOST:
        return
    assert evidence.exec_marker
    assert evidence.ending is None
    assert evidence.shim_exit is None
    assert not evidence.missing
    assert not DECISIVE & set(evidence.unread)
    assert evidence.same_host
    assert not evidence.same_boot or (
        evidence.lock in (Lock.FREE, Lock.NONE) and evidence.processes_left == 0
    )


@settings(max_examples=200)
@given(strategies.evidence())
def test_an_ended_run_is_never_shown_as_going_on_and_a_living_one_never_as_ended(evidence):
    state = classify(evidence)
    if evidence.ending is not None:
        assert state.name not in (StateName.RUNNING, StateName.GATING, StateName.LOST)
    if state.name is StateName.RUNNING:
        assert evidence.lock is Lock.HELD or evidence.processes_left
        assert not state.settled
    if evidence.ending is None and evidence.lock is Lock.HELD and evidence.same_boot:
        assert state.name in (StateName.RUNNING, StateName.GATING, StateName.UNKNOWN)


@settings(max_examples=200)
@given(strategies.evidence())
def test_a_state_says_its_basis_and_a_contradiction_is_shown(evidence):
    state = classify(evidence)
    assert (state.basis is None) == (state.name is StateName.UNKNOWN)
    assert state.why
    if evidence.ending and evidence.shim_exit and evidence.ending.exit_code is not None:
        differ = evidence.ending.exit_code != evidence.shim_exit.exit_code
        assert (Flag.CONTRADICTION in state.flags) >= differ


def test_a_recorded_end_is_final_only_when_nobody_is_at_work_on_it_any_more():
    held = Evidence(
        run_dir="/p/run", exec_marker=True, lock=Lock.HELD, ending=ENDINGS[StateName.FAILED]
    )
    assert not classify(held).settled
    assert classify(held.model_copy(update={"lock": Lock.FREE})).settled
    assert classify(held.model_copy(update={"finalized": True})).settled


def test_an_unreadable_heartbeat_decides_nothing():
    running = Evidence(
        run_dir="/p/run", exec_marker=True, lock=Lock.HELD, unread=("heartbeat.json",)
    )
    assert classify(running).name is StateName.RUNNING


@pytest.mark.parametrize(
    ("ages", "stalled"),
    [((None, None), False), ((1801, None), True), ((1801, 1), False), ((None, 1801), True)],
)
def test_a_run_is_stalled_when_neither_log_nor_progress_moves(ages, stalled):
    running = Evidence(
        run_dir="/p/run",
        exec_marker=True,
        lock=Lock.HELD,
        supervisor_alive=True,
        log_age_s=ages[0],
        progress_age_s=ages[1],
    )
    state = classify(running, stall_after_s=1800)
    assert (Flag.STALLED in state.flags) is stalled
    assert state.basis is Basis.LOCK


def test_a_success_without_a_waited_for_zero_is_no_valid_record():
    for code, number in ((1, None), (None, None), (0, 15), (137, 9)):
        with pytest.raises(ValueError, match="success"):
            an_ending(Ending.SUCCESS, Reason.EXIT_CODE, code, number)


def test_every_state_has_its_exit_code_and_the_worst_of_several_counts():
    assert set(EXIT_OF_STATE) == set(StateName)
    ok = {name for name, code in EXIT_OF_STATE.items() if code is Exit.OK}
    assert ok == {StateName.SUCCEEDED}
    assert worst([Exit.OK, Exit.NOT_YET, Exit.GATE]) is Exit.GATE
    assert worst([Exit.RUN_FAILED, Exit.UNKNOWN]) is Exit.UNKNOWN
    assert worst([]) is Exit.OK
