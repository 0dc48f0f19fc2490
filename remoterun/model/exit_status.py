"""How an attempt ended: `exit_status.json`, written once, by whoever waited for the command."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from remoterun.model.names import RunId, Token
from remoterun.model.record import Record
from remoterun.model.timestamp import Utc


class Ending(StrEnum):
    SUCCESS = "success"
    FAIL = "fail"
    STOPPED = "stopped"
    """Ended after a recorded stop request, whatever the code."""
    PREFLIGHT_FAIL = "preflight_fail"
    DQ_FAIL = "dq_fail"


class Reason(StrEnum):
    """How it came to that; kept beside the ending, which is the contract's own word."""

    EXIT_CODE = "exit_code"
    SIGNAL = "signal"
    TIME_LIMIT = "time_limit"
    STOP_REQUESTED = "stop_requested"
    GATE = "gate"
    INPUT_CHANGED = "input_changed"
    CODE_CHANGED = "code_changed"
    NO_INTERPRETER = "no_interpreter"
    SUBMIT = "submit"


class ExitStatus(Record):
    """The ending of an attempt; `lost` is never written."""

    schema_version: int
    run_id: RunId
    token: Token | None = None
    state: Ending
    reason: Reason | None = None
    exit_code: int | None = Field(default=None, ge=0, le=255)
    """As a shell shows it, 128 + n after signal n; None when the command was never started."""
    signal: int | None = Field(default=None, gt=0)
    """None also where the waiter could not tell a signal from a code above 128."""
    end_utc: Utc
    recorded_by: str = "supervisor"
    gate: str | None = None
    """The gate that refused, when one did."""
    reasons: tuple[str, ...] = Field(default=(), strict=False)
    oom_kills: int = 0
    """How many processes the host killed for want of memory while the run went on."""

    @model_validator(mode="after")
    def _success_is_a_waited_for_zero(self) -> Self:
        if self.state is Ending.SUCCESS and (self.exit_code != 0 or self.signal is not None):
            raise ValueError(f"`success` with exit code {self.exit_code}, signal {self.signal}")
        return self


class ShimExit(Record):
    """`control/shim_exit`: the status that the shim waited for, the second witness."""

    exit_code: int = Field(ge=0, le=255)
    signal: int | None = None
    end_utc: Utc
    token: Token


class Started(Record):
    """`control/exec`: published immediately before the command; this attempt never starts again."""

    pid: int
    """Of the shim."""
    start_ticks: int
    program: str
    """Word 0 as it was found on the host."""
    started_utc: Utc
    token: Token
