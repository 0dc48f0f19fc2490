"""How far a run is, by its own account; advisory, it never decides a state."""

from pydantic import BaseModel, ConfigDict


class Progress(BaseModel):
    model_config = ConfigDict(frozen=True)

    n_done: float
    n_target: float
    updated_utc: str | None = None
    stage: str | None = None
    source: str = "progress.json"
    """The file or the pattern it was read from."""

    @property
    def pct(self) -> float:
        return 100.0 * self.n_done / self.n_target
