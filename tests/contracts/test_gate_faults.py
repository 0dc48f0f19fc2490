"""What stands for every gate: whatever goes wrong in it blocks the launch, and says so."""

import json

import pytest
from given import wait_until
from projects import Launch, Project, a_project, record

from remoterun.model.state import StateName

# each replaces the wrapper; `genuine` runs the real gate
GENUINE = """
genuine() {
  bash -c '. "$0/lib.sh" && . "$0/genuine_GATE.sh"' "$0" "$@"
}
"""
OTHER = "0123456789abcdef0123456789abcdef"
REPORT = '"$1"/data_quality/data_quality_report.json'
KILLED = "kill -KILL $$"
KILLED_WITH_ITS_GROUP = "kill -KILL 0"

PREFLIGHT = {
    "exits_1_with_a_passing_record": 'genuine "$@"; exit 1',
    "exits_1_with_nothing": "exit 1",
    "exits_2_with_a_passing_record": 'genuine "$@"; exit 2',
    "exits_0_with_a_failing_record": (
        'genuine "$@" | sed \'s/"status": "pass"/"status": "fail"/\'; exit 0'
    ),
    "exits_0_with_both_words": (
        'genuine "$@" | sed \'s/"status": "pass"/"status": "pass", "status": "fail"/\'; exit 0'
    ),
    "leaves_no_record": 'genuine "$@" >/dev/null; exit 0',
    "leaves_a_truncated_record": 'genuine "$@" | head -c -30; exit 0',
    "leaves_half_a_record": 'genuine "$@" | head -c 400; exit 0',
    "leaves_a_record_with_a_tail": 'genuine "$@"; printf \'{"status": "pass"}\'; exit 0',
    "leaves_another_runs_record": (
        'genuine "$@" | sed \'s/"run_id": "[^"]*"/"run_id": "2026-01-01_000000_gates_x"/\'; exit 0'
    ),
    "leaves_a_record_with_another_token": (
        f'genuine "$@" | sed \'s/"token": "[0-9a-f]*"/"token": "{OTHER}"/\'; exit 0'
    ),
    "is_killed": KILLED,
    "is_killed_after_its_record": f'genuine "$@"; {KILLED}',
    "is_killed_with_its_group": f'genuine "$@"; {KILLED_WITH_ITS_GROUP}',
    "takes_too_long": 'genuine "$@"; sleep 300',
    "takes_too_long_and_ignores_TERM": "trap '' TERM; genuine \"$@\"; while :; do sleep 300; done",
}
DATA_QUALITY = {
    "exits_1_with_a_passing_report": 'genuine "$@"; exit 1',
    "exits_1_with_nothing": "exit 1",
    "exits_2_with_a_passing_report": 'genuine "$@"; exit 2',
    "exits_0_with_a_failing_report": (
        f'genuine "$@"; sed -i \'s/"overall_pass": true/"overall_pass": false/\' {REPORT}; exit 0'
    ),
    "leaves_no_report": f'genuine "$@"; rm {REPORT}; exit 0',
    "leaves_a_truncated_report": f'genuine "$@"; truncate -s -3 {REPORT}; exit 0',
    "leaves_half_a_report": f'genuine "$@"; truncate -s 500 {REPORT}; exit 0',
    "leaves_another_runs_report": (
        f'genuine "$@"; sed -i \'s/"run_id": "[^"]*"/"run_id": "2026-01-01_000000_gates_x"/\''
        f" {REPORT}; exit 0"
    ),
    "leaves_a_report_with_another_token": (
        f'genuine "$@"; sed -i \'s/"token": "[0-9a-f]*"/"token": "{OTHER}"/\' {REPORT}; exit 0'
    ),
    "leaves_a_report_of_another_table": (
        f'genuine "$@"; sed -i \'s/"input_sha256": "..../"input_sha256": "ffff/\' {REPORT}; exit 0'
    ),
    "leaves_a_report_without_digest": (
        f'genuine "$@"; sed -i \'s/"input_sha256"/"input_sha"/\' {REPORT}; exit 0'
    ),
    "is_killed": KILLED,
    "is_killed_after_its_report": f'genuine "$@"; {KILLED}',
    "is_killed_with_its_group": f'genuine "$@"; {KILLED_WITH_ITS_GROUP}',
    "takes_too_long": 'genuine "$@"; sleep 300',
    "takes_too_long_and_ignores_TERM": "trap '' TERM; genuine \"$@\"; while :; do sleep 300; done",
}
FAULTS = [
    *(("preflight", name, text) for name, text in PREFLIGHT.items()),
    *(("data_quality", name, text) for name, text in DATA_QUALITY.items()),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with a_project(tmp_path_factory.mktemp("gates")) as made:
        yield made


def launch_with(project: Project, tag: str, gate: str, text: str, **more) -> Launch:
    wrapper = GENUINE.replace("GATE", gate) + text + "\n"
    return project.launch(tag, wrappers={f"{gate}.sh": wrapper}, **more)


@pytest.mark.parametrize(("gate", "fault", "text"), FAULTS, ids=[f"{g}-{f}" for g, f, _ in FAULTS])
def test_a_gate_that_goes_wrong_blocks_the_launch(project, gate, fault, text):
    limit = [f"{gate}.deadline=1s"] if fault.startswith("takes") else ["preflight.deadline=60s"]

    launch = launch_with(project, f"{gate}.{fault}", gate, text, sets=limit)

    assert launch.executions == 0
    assert launch.state.name is StateName.BLOCKED
    assert not (launch.run_dir / "context.json").exists()
    ending = record(launch.run_dir, "exit_status.json")
    assert ending["state"] == {"preflight": "preflight_fail", "data_quality": "dq_fail"}[gate]
    assert ending["gate"] == gate
    assert ending["exit_code"] is None
    assert ending["signal"] is None
    (reason,) = ending["reasons"]
    expected = "not done after 1 s" if fault.startswith("takes") else ""
    assert len(reason.split()) >= 3
    assert expected in reason
    assert record(launch.run_dir, "artifacts.json")["files"]
    wait_until(lambda: project.processes() == [], 10)


@pytest.mark.parametrize("gate", ["preflight", "data_quality"])
def test_the_genuine_gate_behind_the_same_detour_lets_the_command_start(project, gate):
    launch = launch_with(project, f"{gate}.genuine", gate, 'genuine "$@"\nexit')

    assert launch.executions == 1
    assert launch.state.name is StateName.SUCCEEDED


def test_a_blocked_launch_exits_6_with_measured_and_required_values(project):
    done = project.official(
        "too_small", "--dq-input-csv", "table.csv", "--set", "preflight.min_cores=4000"
    )

    assert done.returncode == 6
    assert "cores of at least 4000 cores required" in done.stdout
    run_dir = project.run_dir("too_small")
    preflight = record(run_dir, "preflight.json")
    assert preflight["status"] == "fail"
    assert preflight["checks"]["cores"] is False
    assert preflight["min_cores"] == 4000
    assert not (run_dir / "control/exec").exists()
    assert not (run_dir / "data_quality").exists()
    assert project.remoterun("wait", "too_small").returncode == 6
    assert (
        json.loads(project.remoterun("status", "too_small", "-o", "json").stdout)["runs"][0][
            "state"
        ]
        == "blocked"
    )
