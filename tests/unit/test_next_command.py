"""The command that comes next, for every state."""

import shlex

import pytest

from remoterun.model.state import Flag, StateName
from remoterun.rules.next_command import NEXT, next_command
from tests.given_runs import state

VERBS = {"monitor", "logs", "status", "resume", "stop", "official"}


def test_the_table_has_every_state():
    assert set(NEXT) == set(StateName)


@pytest.mark.parametrize("name", StateName)
@pytest.mark.parametrize("after", ["", "status", "monitor", "logs", "wait", "stop", "official"])
def test_every_state_names_a_command_that_exists(name, after):
    words = shlex.split(next_command(state(name), "t1", after=after))
    assert words[0] == "remoterun"
    assert words[1] in VERBS
    assert words[-1] == "t1"


@pytest.mark.parametrize("name", [n for n in StateName if n is not StateName.STOPPED])
@pytest.mark.parametrize("after", ["status", "monitor", "logs"])
def test_the_verb_just_done_is_not_proposed_again(name, after):
    words = next_command(state(name), "t1", after=after).split()
    assert words[1] != after or "-f" in words


def test_what_was_never_begun_is_launched_again():
    line = "remoterun official --tag t1 -- --draws 4"
    abandoned = state(StateName.CLAIMED, flags=(Flag.ABANDONED,))
    assert next_command(abandoned, "t1", again=line) == line
    assert next_command(abandoned, "t1") == "remoterun resume t1"
    blocked = state(StateName.BLOCKED)
    assert next_command(blocked, "t1", after="official", again=line) == line
    assert next_command(blocked, "t1", after="monitor", again=line) == "remoterun logs t1"


def test_a_stalled_run_is_looked_at_by_its_log():
    stalled = state(StateName.RUNNING, flags=(Flag.STALLED,))
    assert next_command(stalled, "t1") == "remoterun logs t1"


def test_a_directory_with_a_space_is_quoted():
    assert next_command(state(StateName.RUNNING), "/a b/run") == "remoterun monitor '/a b/run'"
