"""What every test stands on: nothing of the user is touched, and nothing that was started stays."""

import os
import signal

import given
import pytest

GUARDED = ("REMOTERUN_", "DQ_", "MIN_", "XDG_", "GIT_", "LC_")
"""Variables whose names begin so would change what is tested."""


def pytest_configure():
    """Whoever starts the tests in the background makes them ignore SIGINT and SIGQUIT, and all that
    they start; a person at a terminal does not.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def _nothing_of_the_user(tmp_path_factory):
    """Home, configuration and state folders are temporary; the clock is UTC, the locale C.UTF-8."""
    home = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    for name in list(os.environ):
        if name.startswith(GUARDED) and name != "REMOTERUN_SOAK":
            patch.delenv(name)
    for name in ("THREADS", "REQUIRE_CLEAN", "BASH_ENV", "ENV", "CDPATH"):
        patch.delenv(name, raising=False)
    for name, folder in given.FOLDERS.items():
        (home / folder).mkdir(parents=True, exist_ok=True)
        patch.setenv(name, str(home / folder))
    patch.setenv("TZ", "UTC")
    patch.setenv("LC_ALL", "C.UTF-8")
    patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    yield
    patch.undo()


@pytest.fixture(scope="session")
def soak():
    """By how much the counts of a test grow: 1, or what REMOTERUN_SOAK says."""
    return int(os.environ.get("REMOTERUN_SOAK", "1"))


@pytest.fixture
def lab(tmp_path):
    """A project whose runs are real; all that they started is ended with the test."""
    with given.marked_processes() as mark:
        yield given.Lab.make(tmp_path / "project", mark)
