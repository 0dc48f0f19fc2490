"""The shim while the command runs: fork, exec, wait; then bash again, in this same process.

usage: waiter.py ATTEMPT WORD...   The command keeps descriptor 9, the run's lock; Python's
subprocess module would close it. Python 3.6, standard library only.
"""

import contextlib
import os
import signal
import sys

LOCK = 9
RECORD = '. "$0/lib.sh" && . "$0/shim.sh"'


def adopt_orphans():
    """Children of the command that lose their parent become ours, so that they stay findable."""
    try:
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    except (ImportError, OSError, AttributeError):
        pass


def become(words):
    os.setpgid(0, 0)
    for number in range(1, 65):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    os.closerange(3, LOCK)
    os.closerange(LOCK + 1, 256)
    try:
        os.execvp(words[0], words)
    except OSError as error:
        program = ascii(os.fsdecode(words[0]))
        message = f"remoterun: cannot start {program}: {error.strerror}\n"
        os.write(2, message.encode("ascii", "backslashreplace"))
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def main():
    attempt, words = sys.argv[1], [os.fsencode(word) for word in sys.argv[2:]]
    adopt_orphans()
    command = os.fork()
    if command == 0:
        become(words)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == command:
            break
    if os.WIFSIGNALED(status):
        ended = ["signal", str(os.WTERMSIG(status))]
    else:
        ended = ["exit", str(os.WEXITSTATUS(status))]
    wrappers = f"{attempt}/control/wrappers"
    os.execvp("bash", ["bash", "-c", RECORD, wrappers, attempt, "ended", *ended])


main()
