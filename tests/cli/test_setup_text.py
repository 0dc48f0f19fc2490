"""`setup:` of host and workflow: sourced before the gates and the command, hashed, and binding."""

import hashlib

import pytest
from given import wait_until
from projects import Project, a_project, environment, record

from remoterun.model.state import StateName


@pytest.fixture
def project(tmp_path):
    with a_project(tmp_path) as made:
        yield made


def set_up(project: Project, text: str, **more) -> None:
    project.configure(setup=text, **more)
    project.commit()


def test_what_it_exports_reaches_the_gate_and_the_command(project):
    set_up(project, "export FROM_SETUP='a b'\nexport PATH=$PATH:/from/setup\n")

    launch = project.launch("exports")

    assert launch.state.name is StateName.SUCCEEDED
    variables = environment(launch.run_dir)
    assert variables["FROM_SETUP"] == "a b"
    assert variables["PATH"].endswith(":/from/setup")
    listed = {f["path"]: f["sha256"] for f in record(launch.run_dir, "artifacts.json")["files"]}
    text = (launch.run_dir / "setup.sh").read_bytes()
    assert listed["setup.sh"] == hashlib.sha256(text).hexdigest()
    assert record(launch.run_dir, "preflight.json")["checks"]["setup"] is True


@pytest.mark.parametrize(
    "text",
    ["false", "return 3", "no_such_module load x", "source /nowhere/activate", "( exit 4 )"],
)
def test_its_failure_blocks_and_says_so(project, text):
    set_up(project, text)

    launch = project.launch("fails")

    assert launch.executions == 0
    assert launch.state.name is StateName.BLOCKED
    preflight = record(launch.run_dir, "preflight.json")
    assert preflight["status"] == "fail"
    assert any("setup.sh failed" in reason for reason in preflight["reasons"])
    assert "setup.sh ended with" in (launch.run_dir / "run.log").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "exit 0",
        "exit 1",
        "exec true",
        "kill -KILL $$",
        "while :; do sleep 60; done",
        "trap 'exit 0' EXIT; exit",
    ],
)
def test_it_cannot_pass_a_gate_by_ending_the_shell(project, text):
    set_up(project, text)

    launch = project.launch("ends", sets=["preflight.deadline=2s"])

    assert launch.executions == 0
    assert launch.state.name is StateName.BLOCKED
    assert record(launch.run_dir, "exit_status.json")["state"] == "preflight_fail"
    wait_until(lambda: project.processes() == [], 10)


@pytest.mark.parametrize(
    "text",
    [
        "echo loading modules",
        'echo \'{"status": "fail"}\'',
        "cd /",
        "set -e",
        "set -- other words",
        "umask 077; exec 9>&-",
        "text=other; found=1; job_token=x; attempt=/; run=/",
        "main() { exit 0; }; publish() { return 0; }; die() { return 0; }",
        "alias exec=true; shopt -s expand_aliases nullglob; IFS=/",
        "export -n REMOTERUN_RUN_ID",
    ],
)
def test_what_it_prints_or_changes_in_its_own_shell_does_no_harm(project, text):
    set_up(project, text)

    launch = project.launch("harmless")

    assert launch.state.name is StateName.SUCCEEDED, launch.state
    assert launch.executions == 1
    assert environment(launch.run_dir)["PWD"] == str(project.root)
    ending = record(launch.run_dir, "exit_status.json")
    assert (ending["state"], ending["exit_code"]) == ("success", 0)


def test_it_cannot_forge_what_the_gate_says(project):
    """What it defines stays in its own shell: the gate is another one."""
    set_up(project, "exit() { builtin exit 0; }\nexport -f exit\n", preflight={"min_cores": 4000})

    launch = project.launch("forged")

    assert launch.executions == 0
    assert launch.state.name is StateName.BLOCKED


def test_the_hosts_text_comes_first(project):
    (project.root / "inventory.yaml").write_text(
        "version: 1\nhosts: {local: {kind: local, setup: export ORDER=host,"
        " preflight: {min_cores: 1, min_memory: 1GiB}}}\n"
    )
    set_up(project, "export ORDER=$ORDER,workflow\n")
    done = project.official(
        "order", "--dq-input-csv", "table.csv", "-i", str(project.root / "inventory.yaml")
    )

    assert done.returncode == 0, done.stderr
    assert environment(project.run_dir("order"))["ORDER"] == "host,workflow"
