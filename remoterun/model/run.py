"""All records of one run that are on this machine, of the attempt in force."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from remoterun.model.context import Context
from remoterun.model.data_quality import DataQualityReport
from remoterun.model.exit_status import ExitStatus, ShimExit, Started
from remoterun.model.heartbeat import Heartbeat
from remoterun.model.manifest import Manifest
from remoterun.model.preflight import Preflight
from remoterun.model.process import Process
from remoterun.model.result import Result
from remoterun.model.stop_request import StopRequest
from remoterun.model.waivers import Waivers


class Unreadable(BaseModel):
    """A record that exists and says nothing: never taken as absent."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    why: str


class Run(BaseModel):
    """A record is None when it is not there, or when it stands under `unreadable`."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    run_dir: Path
    attempt: int
    """The one in force: the highest that exists."""
    attempt_dir: Path
    manifest: Manifest | None = None
    preflight: Preflight | None = None
    data_quality: DataQualityReport | None = None
    waivers: Waivers | None = None
    context: Context | None = None
    process: Process | None = None
    started: Started | None = None
    shim_exit: ShimExit | None = None
    heartbeat: Heartbeat | None = None
    stop_request: StopRequest | None = None
    exit_status: ExitStatus | None = None
    result: Result | None = None
    finalized: bool = False
    """The digest list is there; it may be large and is read where it is needed."""
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def run_id(self) -> str:
        return self.manifest.run_id if self.manifest else self.run_dir.name

    @property
    def tag(self) -> str | None:
        return self.manifest.decision_tag if self.manifest else None

    @property
    def name(self) -> str:
        """What one types to mean this run."""
        return self.tag or str(self.run_dir)
