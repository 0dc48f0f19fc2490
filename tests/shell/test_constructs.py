"""The scripts keep to what bash 3.2 knows, and to the rules that each cost a run once."""

import re
import subprocess
from pathlib import Path

import pytest
from shell.bashes import BASHES

FOLDER = Path(__file__).parents[2] / "shell_templates"
SCRIPTS = sorted(FOLDER.glob("*.sh"))
NEWER_THAN_3_2 = {
    r"\$\{\w+@[QEPAKa]\}": "${x@Q} (4.4)",
    r"\b(mapfile|readarray|coproc)\b": "mapfile, readarray, coproc (4.0)",
    r"(declare|local|typeset) -[a-zA-Z]*[Ang]": "associative arrays, namerefs, declare -g (4.x)",
    r"printf [^|;]*%\([^)]*\)T": "printf %(…)T (4.2)",
    r"\bwait +-[nfp]": "wait -n (4.3)",
    r"\[\[ *(! *)?-[vR] ": "[[ -v (4.2)",
    r"&>>|\|&": "&>> and |& (4.0)",
    r"\$\{\w+(\^\^?|,,?)[^}]*\}": "${x^^} (4.0)",
    r"\$\{\w+: -\d|\$\{\w+:\w+: ?-\d": "negative lengths (4.2)",
    r"\$\{?(BASHPID|EPOCHSECONDS|EPOCHREALTIME|SRANDOM)\b": "variables newer than 3.2",
    r"\{\w+\}[<>]": "{fd}> (4.1)",
    r"^\s*;;?&\s*$|;&": ";& (4.0)",
    r"\bshopt -s (globstar|lastpipe|inherit_errexit)": "shopt options newer than 3.2",
    r"\bread\b[^|;]* -t ?0?\.\d": "read -t with fractions (4.0)",
    r"\bread\b[^|;]* -[a-zA-Z]*N": "read -N (4.1)",
}
RULES = {
    r"^\s*set -[a-z]*e": "set -e: each status that matters is checked by itself",
    r"\beval\b": "eval: values are data",
    r"\bsource\b": "source: `.` is meant",
    r"\becho\b": "echo: printf",
    r"\$\(cat ": "$(cat …): read_text starts no process",
    r"\btrap [^#]*EXIT": "an EXIT trap knows no run's status",
}
ALLOWED = {("gate.sh", r"\btrap [^#]*EXIT")}
"""gate.sh keeps nothing: its trap takes a temporary folder away and records no status."""


def code_lines(script):
    """Lines without comments, and without text that a printf or a quote holds for people."""
    for number, line in enumerate(script.read_text().splitlines(), 1):
        if not line.lstrip().startswith("#"):
            yield number, re.sub(r"\s#\s.*$", "", line)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize("forbidden", [NEWER_THAN_3_2, RULES], ids=["bash-3.2", "rules"])
def test_no_forbidden_construct(script, forbidden):
    hits = [
        f"{script.name}:{number}: {why}"
        for number, line in code_lines(script)
        for pattern, why in forbidden.items()
        if re.search(pattern, line) and (script.name, pattern) not in ALLOWED
    ]
    assert hits == []


def test_the_search_finds_what_it_forbids():
    samples = {
        "x=${y@Q}": 1,
        "mapfile -t a": 1,
        "declare -A m": 1,
        "printf '%(%s)T' -1": 1,
        "wait -n": 1,
        "[[ -v x ]]": 1,
        "x &>>log": 1,
        "${x^^}": 1,
        "echo $BASHPID": 1,
        "exec {fd}>x": 1,
        "read -t 0.1 x": 1,
        'x=${y:0:6} z="a & b" [[ $a -gt 2 ]] >&2': 0,
    }
    for line, count in samples.items():
        assert any(re.search(pattern, line) for pattern in NEWER_THAN_3_2) == bool(count), line


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_variable_of_a_function_is_its_own_or_named_as_its_answer(script):
    """`name() { # … -> a b` says which variables leave the function; every `for` is local."""
    function, declared = None, set()
    wrong = []
    for number, line in code_lines(script):
        if opened := re.match(r"(\w+)\(\) \{", line):
            whole = script.read_text().splitlines()[number - 1]
            function, declared = opened[1], set(re.findall(r"\w+", whole.partition("->")[2]))
        elif line == "}":
            function = None
        if function is None:
            continue
        if "local " in line:
            declared |= set(re.findall(r"\b([a-z_]+)\b", line.split("local ", 1)[1]))
        for loop in re.findall(r"\bfor ([a-z_]+) in\b", line):
            if loop not in declared:
                wrong.append(f"{script.name}:{number}: {loop} in {function}")
    assert wrong == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_that_was_cut_short_does_nothing(script):
    text = script.read_text()
    if "main() {" not in text:
        return
    assert text.endswith('main "$@"; exit\n')
    outside = [line for line in text.splitlines() if re.match(r"[a-z_]+( |$)", line)]
    allowed = ("main ", "set -u", "as_wrapper=", "chunk=")
    assert [line for line in outside if not line.startswith(allowed)] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
@pytest.mark.parametrize("version", BASHES)
def test_every_bash_at_hand_can_read_every_script(script, version):
    done = subprocess.run([BASHES[version], "-n", script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
