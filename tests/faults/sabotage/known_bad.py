"""Known-bad edits of the scripts, one for each way to break a promise; each must be caught."""

from dataclasses import dataclass

from remoterun.records.scripts import read_text


@dataclass(frozen=True)
class Sabotage:
    """One script with one edit."""

    promise: str
    script: str
    genuine: str
    bad: str

    @property
    def text(self) -> bytes:
        """The whole bad script. The edit must fit, else it proves nothing."""
        text = read_text(self.script).decode()
        assert text.count(self.genuine) == 1, f"{self.script} has changed: `{self.genuine}`"
        return text.replace(self.genuine, self.bad).encode()


SECOND_START = Sabotage(
    "P1: no exec marker",
    "official_run.sh",
    "  if [[ -e control/exec ]]; then\n    utc",
    "  rm -f control/exec control/shim_exit exit_status.json\n  if false; then\n    utc",
)
MOVED_EXEC = Sabotage(
    "P1, P7: mv for ln, so that a second record replaces the first",
    "lib.sh",
    'flush "$temp" && ln -- "$temp" "$1"; } 2>/dev/null',
    'flush "$temp" && mv -f -- "$temp" "$1"; } 2>/dev/null',
)
STATUS_OF_TRAP = Sabotage(
    "P4: the status of whoever waited is not asked",
    "shim.sh",
    "  [[ $2 == signal ]] && code=$((128 + $3)) signal=$3\n",
    "  code=$?\n",
)
DEFAULT_SUCCESS = Sabotage(
    "P4: success without a waited-for zero",
    "lib.sh",
    "  [[ -n $code ]] || return 1\n",
    "  [[ -n $code ]] || code=0\n",
)
STOP_FORGOTTEN = Sabotage(
    "P4: a stopped command that exits 0 is a success",
    "lib.sh",
    "  elif [[ $2 == stop || -e stop_request.json ]]; then",
    "  elif false; then",
)
IGNORED_SIGNALS = Sabotage(
    "P6: the command inherits ignored signals",
    "waiter.py",
    "            signal.signal(number, signal.SIG_DFL)\n",
    "            pass\n",
)
ONE_PROCESS = Sabotage(
    "P6: only what carries the token is ended",
    "lib.sh",
    ' || $members == *" $stat_sid "* || $roots == *" $pid:$stat_ticks "* ]]; then',
    " ]]; then",
)
LOOK_ALIKE = Sabotage(
    "P6: whoever names the run directory in its environment is taken for ours",
    "lib.sh",
    """    elif [[ /proc/$pid/fd/9 -ef $lock_file ]] && ! is_supervisor "$pid"; then""",
    """    elif grep -qs "=$PWD" "/proc/$pid/environ"; then""",
)
TORN_WRITE = Sabotage(
    "P7: written in place",
    "lib.sh",
    """ >"$temp" && mv -f -- "$temp" "$1"; } 2>/dev/null && return""",
    """ >"$1"; } 2>/dev/null && return""",
)
SHARED_TEMP = Sabotage(
    "P7: one name for the temporary file of all writers",
    "lib.sh",
    '  temp=$folder/.${1##*/}.$$.$RANDOM.tmp\n  { printf \'%s\\n\' "$2" >"$temp" && flush "$temp"',
    '  temp=$1\n  { printf \'%s\\n\' "$2" >"$temp" && flush "$temp"',
)
