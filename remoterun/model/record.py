"""The base of everything that a machine writes."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """One JSON record. Unknown keys are kept: a newer writer may know more than this reader."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
