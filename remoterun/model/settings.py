"""The base of everything that a person writes."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Part of a settings file. An unknown key is an error, and no value is taken for another
    type: `no`, `1` and `"5"` are not quietly read as booleans or numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
