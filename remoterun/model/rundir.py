"""Every file name of a run directory, of every attempt."""

from pathlib import Path

MANIFEST = "manifest.json"
JOB = "job.sh"
COMMAND = "command.sh"
SETUP = "setup.sh"
WAIVERS = "waivers.json"
PREFLIGHT = "preflight.json"
DATA_QUALITY_COMMAND = "data_quality_command.sh"
DATA_QUALITY_LOG = "data_quality.log"
DATA_QUALITY_JSON = "data_quality/data_quality_report.json"
DATA_QUALITY_MD = "data_quality/data_quality_report.md"
CONTEXT = "context.json"
WRAPPER_PID = "wrapper_pid.txt"
PID = "pid.txt"
PROCESS = "process.json"
RUN_LOG = "run.log"
HEARTBEAT = "heartbeat.json"
PROGRESS = "progress.json"
STOP_REQUEST = "stop_request.json"
EXIT_STATUS = "exit_status.json"
RESULT = "result.json"
ARTIFACTS = "artifacts.json"

CONTROL = "control"
ARGV = "control/argv"
JOB_VALUES = "control/job"
GIT_EXCLUDE = "control/git_exclude"
GIT_EXCLUDE_UNTRACKED = "control/git_exclude_untracked"
OUTPUTS = "control/outputs"
DQ_ARGV = "control/dq_argv"
OWNER = "control/owner"
WRAPPERS = "control/wrappers"
LOCK = "control/lock"
CLAIM = "control/claim"
STARTED = "control/started"
EXEC = "control/exec"
ONLY_UNSTARTED = "control/only_unstarted"
SHIM_EXIT = "control/shim_exit"
SHIM_LOST = "control/shim_lost.json"

DEFAULT_RUNS = "audit/workstation_runs"
"""Where the run directories of a project lie, unless `paths.runs` says otherwise."""
MARKS_OF_A_RUN = (MANIFEST, PID, CONTEXT, PREFLIGHT, "launcher_manifest.json", "run_manifest.json")
"""A directory with one of these is a run. Source: docs/run-directory.md."""


def attempt_dir(run_dir: Path, attempt: int) -> Path:
    """Attempt 1 is the run directory itself; each resume has a directory of its own."""
    return run_dir if attempt == 1 else run_dir / "attempts" / str(attempt)


def last_attempt(run_dir: Path) -> int:
    """The attempt in force: the highest that exists."""
    try:
        names = [entry.name for entry in (run_dir / "attempts").iterdir()]
    except OSError:
        return 1
    return max([int(name) for name in names if name.isdecimal() and name.isascii()] + [1])
