"""Whether the next attempt of a run may be opened, by the state of the one in force."""

from remoterun.errors import Conflict, Exit, RemoteRunError, TryAgain
from remoterun.model.state import Basis, Flag, State, StateName


class NotKnown(RemoteRunError):
    """What the run is doing cannot be told, so nothing is started."""

    exit_code = Exit.UNKNOWN


def refusal(tag: str, state: State) -> RemoteRunError | None:
    """Why a run cannot be resumed; None when it ended without success, so that it can."""
    if state.name is StateName.UNKNOWN:
        what = f"what `{tag}` is doing is not known: {state.why}"
        return NotKnown(what, fix=f"remoterun status {tag}")
    if state.name is StateName.SUCCEEDED:
        what = f"`{tag}` succeeded; there is nothing to resume"
        return Conflict(what, fix=f"remoterun status {tag}")
    if not state.settled and state.basis is Basis.RECORD:
        what = f"the supervisor of `{tag}` is still at work on its records"
        return TryAgain(what, why=f"{state.name}: {state.why}", fix="the same line again")
    if not state.settled:
        what = f"`{tag}` goes on ({state.name}: {state.why})"
        return Conflict(what, fix=f"remoterun stop {tag} -m 'WHY'; remoterun resume {tag}")
    if state.name is StateName.CLAIMED and Flag.ABANDONED not in state.flags:
        return Conflict(f"`{tag}` was not started yet", fix="repeat the line that launched it")
    return None
