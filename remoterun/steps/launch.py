"""Send an attempt to its host, at most once; shared by `official`, `run` and `resume`."""

import contextlib
import getpass
import hashlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from remoterun import __version__
from remoterun.errors import Conflict, HostUnreachable, LocalFileError, RemoteRunError, TryAgain
from remoterun.gates import data_quality, preflight
from remoterun.launchers import LAUNCHERS
from remoterun.model import rundir
from remoterun.model.intent import Intent
from remoterun.model.manifest import LauncherFacts, Manifest
from remoterun.model.names import Digest, HostName, RunId, Token
from remoterun.model.project import Paths, Project
from remoterun.model.waivers import WaiverKind
from remoterun.records.git import exclusions
from remoterun.records.intents import tag_digest
from remoterun.records.scripts import read_script, read_text
from remoterun.rules.attempt_files import EXECUTABLE, attempt_files
from remoterun.rules.manifest import (
    Request,
    build_manifest,
    build_run_id,
    comparable,
    difference,
    request_digest,
)
from remoterun.transports import connect
from remoterun.transports.tar import pack

SHARED = ("lib.sh", "look.sh", "monitor.sh", "finalize.sh")
SUPERVISOR = ("lib", "gating", "official_run")
"""Its copy in a run directory is job.sh."""
SHIM = ("shim.sh", "waiter.py", "waiter.pl")

Frames = Iterator[list[bytes]]


@dataclass(frozen=True)
class Parcel:
    """What one launch sends: an identity and the files of its attempt."""

    intent: Intent
    manifest: Manifest
    files: dict[str, bytes]


@dataclass(frozen=True)
class Launched:
    """The answer of the host, read back from its disk; then the frames of the monitor."""

    run_dir: str
    word: str
    """`started`, `ended` or `claimed`."""
    frames: Frames


def build_intent(
    request: Request,
    root: Path,
    runs_path: str,
    *,
    attempt: int,
    run_id: RunId | None,
    token: Token,
    now: datetime,
    only_unstarted: bool = False,
) -> Intent:
    """A new intent; the run id is fixed here and kept by later attempts."""
    run_id = run_id or build_run_id(request, now)
    fields = comparable(request)
    return Intent(
        run_id=run_id,
        tag=request.tag,
        attempt=attempt,
        token=token,
        host=HostName(request.host),
        root=str(root),
        run_path=f"{runs_path}/{run_id}",
        request_sha256=request_digest(fields),
        request=fields,
        created_utc=now.replace(microsecond=0),
        only_unstarted=only_unstarted,
    )


def build_parcel(request: Request, intent: Intent, project: Project | None) -> Parcel:
    """What the attempt of an intent is sent as."""
    skipped = any(waiver.kind is WaiverKind.SKIP for waiver in request.waivers)
    gated = bool(request.input) and not skipped
    wrappers = {name: read_text(name) for name in wrapper_names(gated=gated)}
    job = read_script(*SUPERVISOR).text
    digests = {name: _digest(text) for name, text in {**wrappers, rundir.JOB: job}.items()}
    manifest = build_manifest(
        request,
        run_id=intent.run_id,
        run_path=intent.run_path,
        attempt=intent.attempt,
        token=intent.token,
        moment=intent.created_utc,
        launcher=LauncherFacts(version=__version__, actor=user_name(), hostname=platform.node()),
        wrappers=digests,
    )
    root, used = Path(intent.root), request.used
    gate_values = {
        **preflight.job_values(used.preflight, blocks=request.preflight_blocks),
        **data_quality.job_values(
            used.data_quality, skipped=skipped, has_input=bool(request.input)
        ),
    }
    dq_argv = _engine_argv(request, intent, root) if gated else []
    files = attempt_files(
        request,
        manifest,
        gate_values,
        dq_argv,
        exclusions(project),
        intent.runs_path,
        str(root),
        job,
        wrappers,
    )
    if intent.only_unstarted:
        files[rundir.ONLY_UNSTARTED] = b""
    return Parcel(intent, manifest, files)


def wrapper_names(*, gated: bool) -> tuple[str, ...]:
    """The scripts that travel with a launch; the data-quality engine only where it is needed."""
    gates = [*preflight.WRAPPERS, *(data_quality.WRAPPERS if gated else ())]
    return (*SHARED, *gates, *SHIM)


def runs_path(project: Project | None) -> str:
    """The folder of the run directories, relative to the root."""
    return str((project.paths if project else Paths()).runs)


def launch_words(parcel: Parcel, host_kind: str, follow: str) -> list[str]:
    """The request of launch.sh. `follow`: once, gates or end."""
    intent = parcel.intent
    return [
        intent.root,
        intent.run_path,
        intent.run_id,
        str(intent.attempt),
        intent.token,
        tag_digest(intent.tag),
        follow,
        *LAUNCHERS[host_kind].START_ARGV,
    ]


@contextlib.contextmanager
def send(parcel: Parcel, host_kind: str, *, follow: str) -> Iterator[Launched]:
    """One exec: claim, run directory, start; then what is seen, once or for longer.

    Raises:
        Conflict: the tag belongs to another request.
        HostUnreachable, LocalFileError: the host lacks something; nothing was started.
        TryAgain: no answer; repeating is safe.
    """
    script = read_script("lib", "launch")
    data = pack(parcel.files, executable=EXECUTABLE)
    words = launch_words(parcel, host_kind, follow)
    with (
        connect(host_kind) as transport,
        contextlib.closing(transport.stream(script, words, data)) as frames,
    ):
        first = next(frames, None)
        if first is None:
            raise TryAgain("the host gave no answer", fix="the same line again")
        said = [word.decode("utf-8", "replace") for word in first]
        if said[0] != "launched":
            raise refusal(parcel.intent, said)
        yield Launched(said[1], said[2], frames)


def refusal(intent: Intent, words: list[str]) -> RemoteRunError:
    """Every way in which launch.sh says no, as an error."""
    where = f"{intent.host}, {intent.root}"
    said = words[1] if len(words) > 1 else ""
    match words[0]:
        case "missing":
            fix = f"install it there (Debian: apt-get install {PACKAGES.get(said, said)})"
            return HostUnreachable(f"the host lacks `{said}`", where=where, fix=fix)
        case "no_root":
            why = "it is the project's checkout on the host: `root` of the inventory"
            fix = "make it there (git clone), or mend `root`; then the same line"
            return LocalFileError(f"there is no folder `{said}`", where=where, why=why, fix=fix)
        case "gone":
            return Conflict(
                f"the run directory of `{intent.tag}` is gone",
                where=f"{intent.host}, {said}",
                why="it was there once, so its command may have run; it is not started again",
                fix="put the directory back, or take another tag",
            )
        case "overtaken":
            return TryAgain(
                f"attempt {said} of `{intent.tag}` came to life meanwhile; nothing was started",
                where=where,
                fix="the same line again",
            )
        case "taken":
            run_id, request_sha256, owner = (words[2:] + [""] * 3)[:3]
            return Taken(intent, run_id, request_sha256, owner)
        case _:
            fix = "make room or mend the permission; then the same line"
            return LocalFileError(f"the host cannot {said}", where=where, fix=fix)


class Taken(Conflict):
    """The claim on the host is somebody else's."""

    def __init__(self, intent: Intent, run_id: str, request_sha256: str, owner: str) -> None:
        self.run_id = run_id
        self.same_request = request_sha256 == intent.request_sha256
        why = "it was launched from somewhere else, with another request"
        if not request_sha256:
            why = "it was launched from somewhere else; its manifest says no request"
        who = f", owner `{owner}`" if owner else ""
        super().__init__(
            f"tag `{intent.tag}` belongs to another request",
            where=f"{intent.host}, run `{run_id}`{who}",
            why=why,
            fix="take another tag",
        )


def conflict(intent: Intent, request: Request) -> Conflict:
    """The tag stands for another request: what differs."""
    return Conflict(
        f"tag `{request.tag}` belongs to another request",
        where=f"{intent.host}, run `{intent.run_id}`",
        why=difference(intent.request, comparable(request)),
        fix="take another tag, or repeat the line as it was",
    )


PACKAGES = {
    "flock": "util-linux",
    "setsid": "util-linux",
    "sha256sum": "coreutils",
    "base64": "coreutils",
    "sync": "coreutils",
    "stat": "coreutils",
    "du": "coreutils",
}


def _engine_argv(request: Request, intent: Intent, root: Path) -> list[str]:
    table = request.input or ""
    attempt_dir = rundir.attempt_dir(root / intent.run_path, intent.attempt)
    words = data_quality.engine_argv(request.used.data_quality, str(root / table), str(attempt_dir))
    base = "host" if table.startswith("/") else "project_root"
    own = {
        "--run-id": intent.run_id,
        "--token": intent.token,
        "--recorded-path": table,
        "--path-base": base,
    }
    return words + [f"{option}={value}" for option, value in own.items()]


def _digest(text: bytes) -> Digest:
    return Digest(hashlib.sha256(text).hexdigest())


def user_name() -> str:
    """Who is typing, as the system says."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
