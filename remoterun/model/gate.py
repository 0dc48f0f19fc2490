"""What a launch gate said."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class GateResult(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"
    GOING_ON = "going_on"
    NOT_REACHED = "not_reached"


class GateRecord(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    result: GateResult
    reasons: tuple[str, ...] = ()
