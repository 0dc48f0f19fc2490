"""The test of the tests: genuine scripts pass each check, and each known-bad edit is caught."""

import shutil

import pytest
from faults import checks
from faults.sabotage import known_bad

CASES = [
    (checks.runs_once, known_bad.SECOND_START),
    (checks.records_the_truth, known_bad.STATUS_OF_TRAP),
    (checks.invents_no_end, known_bad.DEFAULT_SUCCESS),
    (checks.a_stop_is_no_success, known_bad.STOP_FORGOTTEN),
    (checks.a_signal_arrives, known_bad.IGNORED_SIGNALS),
    (checks.a_stop_is_exact, known_bad.ONE_PROCESS),
    (checks.a_stop_is_exact, known_bad.LOOK_ALIKE),
    (checks.the_first_record_stands, known_bad.MOVED_EXEC),
    (checks.nothing_is_torn("publish_once"), known_bad.SHARED_TEMP),
    (checks.nothing_is_torn("replace"), known_bad.TORN_WRITE),
]
pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")


@pytest.mark.parametrize(
    "check", dict.fromkeys(check for check, _ in CASES), ids=lambda check: check.__qualname__
)
def test_the_genuine_scripts_keep_the_promise(lab, check):
    assert check(lab, None) == ""


@pytest.mark.parametrize(("check", "bad"), CASES, ids=[bad.promise for _, bad in CASES])
def test_a_known_bad_script_is_caught(lab, check, bad):
    assert check(lab, bad) != ""
