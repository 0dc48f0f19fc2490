"""End every process of a run, and no other; the answer is what the host shows afterwards."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from remoterun.errors import UsageError
from remoterun.model.names import RunId, Text
from remoterun.model.state import Evidence
from remoterun.model.stop_request import StopRequest
from remoterun.records.scripts import read_script
from remoterun.rules.evidence import parse_evidence
from remoterun.steps.checked import checked
from remoterun.transports import LOCAL, connect

SLACK_S = 150
"""What a stop may take beyond its grace: two sweeps, and the record of the ending."""


@dataclass(frozen=True)
class Stopped:
    left: int
    """Processes of the run that still live."""
    evidence: Evidence


def stop(
    run_dir: Path, run_id: str, *, reason: str, actor: str | None, grace_s: int, now: datetime
) -> Stopped:
    """Ask for the end and wait for it. A run that has ended stays as it is.

    Raises:
        UsageError: the folder is no run of ours, a copy of one, or a text is no text.
        TryAgain: no answer; the request may have arrived, and the run may go on.
    """
    request = StopRequest(
        run_id=checked(RunId, run_id, "RUN"),
        requested_utc=now.replace(microsecond=0),
        actor=checked(Text, actor, "--actor") if actor else None,
        reason=checked(Text, reason, "--reason"),
        grace_sec=grace_s,
    )
    checked(Text, str(run_dir), "RUN")
    words = [str(run_dir), str(grace_s), request.model_dump_json()]
    with connect(LOCAL) as transport:
        script = read_script("lib", "look", "stop")
        reply = transport.run(script, words, deadline_s=grace_s + SLACK_S)
    if reply[0] == b"elsewhere":
        what = f"`{run_dir}` was copied or moved from where its run was started"
        why = "the processes that it names are not those of this directory"
        fix = "name the run by its tag, or put the directory back"
        raise UsageError(what, why=why, fix=fix)
    return Stopped(int(reply[1]), parse_evidence(reply[2:])[0])
