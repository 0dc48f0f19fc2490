"""What is written about the house is true: docs, help, names and layers agree with the code."""

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import remoterun
from remoterun import errors
from remoterun.model import exit_status, rundir
from remoterun.model.record import Record
from remoterun.model.state import StateName
from remoterun.rules.state import EXIT_OF_STATE

HOUSE = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
DOCS = [*sorted((HOUSE / "docs").rglob("*.md")), HOUSE / "README.md"]
SCRIPTS = sorted(p for p in (HOUSE / "shell_templates").iterdir() if p.is_file())
MODULES = sorted((HOUSE / "remoterun").rglob("*.py"))
BROUGHT_BY = {"click": "typer", "pydantic_core": "pydantic"}
"""What is imported and comes with what was asked for."""
LONGER = {
    "data_quality.py": "the engine is one file, so that a host needs nothing else",
    "lib.sh": "stands in front of every script; one file on the wire",
}
"""Files of more than 400 lines, and why."""


def doc(name: str) -> str:
    return (HOUSE / "docs" / name).read_text()


def call(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], cwd=HOUSE, capture_output=True, text=True, timeout=120
    )


def tracked() -> list[Path]:
    named = call("git", "ls-files", "-z").stdout.split("\0")
    return [path for name in named if name and (path := HOUSE / name).is_file()]


# --- layers and tools ----------------------------------------------------------------------------


def test_imports_only_point_down():
    done = call(BIN / "lint-imports")
    assert done.returncode == 0, done.stdout


def test_every_script_passes_shellcheck():
    scripts = [path for path in SCRIPTS if path.suffix == ".sh"]
    done = call(BIN / "shellcheck", "-x", *scripts, *sorted((HOUSE / "examples").glob("*.sh")))
    assert done.returncode == 0, done.stdout


def test_what_is_imported_is_asked_for_and_what_is_asked_for_is_imported():
    asked = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.match(r"[a-z.]+", line)[0].split(".")[0] for line in asked}
    imported = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            found = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                found = [node.module or ""]
            imported |= {name.split(".")[0] for name in found}
    foreign = imported - set(sys.stdlib_module_names) - {"remoterun"}
    assert {BROUGHT_BY.get(name, name) for name in foreign} == names


def test_a_file_is_a_few_pages_or_says_why_not():
    long = {
        path.name
        for path in [*MODULES, *SCRIPTS, *(HOUSE / "examples").rglob("*.py")]
        if len(path.read_text().splitlines()) > 400
    }
    assert long <= set(LONGER)


def test_names_of_test_files_are_different():
    """Two of one name hide each other: pytest imports them as modules without a package."""
    names = [path.name for path in tracked() if path.match("tests/**/*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_the_version_stands_in_one_place():
    assert tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]["dynamic"] == [
        "version"
    ]
    assert metadata.version("remoterun") == remoterun.__version__
    done = call(BIN / "remoterun", "--version")
    assert done.stdout == f"remoterun {remoterun.__version__}\n"
    assert f"## {remoterun.__version__}" in (HOUSE / "CHANGELOG.md").read_text()


def test_nothing_speaks_of_the_machine_on_which_it_was_written():
    words = ["wo" + "rk", "ro" + "ot", "op" + "t/wheels"]
    path_of_a_machine = re.compile(rf"(?<![\w.$}}~-])/({'|'.join(words)})/")
    hosts = [f"{name}.org" for name in ("py" + "pi", "deb." + "debian", "python" + "hosted")]
    found = []
    for path in tracked():
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if path_of_a_machine.search(line) or any(host in line for host in hosts):
                found.append(f"{path.relative_to(HOUSE)}:{number}: {line.strip()}")
    assert found == []


# --- errors and exit codes -----------------------------------------------------------------------


def error_classes() -> dict[str, int]:
    classes = inspect.getmembers(errors, inspect.isclass)
    return {n: int(c.exit_code) for n, c in classes if issubclass(c, errors.RemoteRunError)}


def test_the_tree_of_errors_is_drawn_with_each_class_and_its_code():
    drawn = re.findall(r"^(?:[├└]── )?(\w+) +(\d+)  ", errors.__doc__, re.MULTILINE)
    assert {name: int(code) for name, code in drawn} == error_classes()


def test_the_page_of_exit_codes_is_the_enum():
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", doc("exit-codes.md"), re.MULTILINE)
    assert {name: int(code) for code, name in rows} == {e.name: int(e) for e in errors.Exit}


def test_the_page_of_exit_codes_has_every_state_with_its_code():
    rows = re.findall(r"^\| ((?:`\w+`,? ?)+) \| (\d+) \|", doc("exit-codes.md"), re.MULTILINE)
    said = {name: int(code) for names, code in rows for name in re.findall(r"`(\w+)`", names)}
    assert said == {state.value: int(code) for state, code in EXIT_OF_STATE.items()}


def test_help_ends_with_every_exit_code():
    said = call(BIN / "remoterun", "--help").stdout.partition("Exit codes:")[2]
    codes = [int(code) for code in re.findall(r"(?:^|[;\n] ?)\s*(\d+) ", said)]
    assert codes == [int(code) for code in errors.Exit]


# --- the command line ----------------------------------------------------------------------------

PANELS = {
    "Run": "official run preflight dq stop resume status monitor logs wait",
    "Hosts": "init hosts config",
}


def test_help_names_each_verb_under_its_panel_and_no_other():
    shown = call(BIN / "remoterun", "--help").stdout
    for panel, verbs in PANELS.items():
        section = shown.partition(f"\n{panel}:\n")[2].partition("\n\n")[0]
        assert set(re.findall(r"^  ([a-z-]+)", section, re.MULTILINE)) == set(verbs.split())
    assert set(re.findall(r"^(\w+):$", shown, re.MULTILINE)) == {"Options", *PANELS}


@pytest.mark.parametrize("verb", " ".join(PANELS.values()).split())
def test_every_verb_has_help(verb):
    done = call(BIN / "remoterun", verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: remoterun {verb}" in done.stdout


def test_no_page_names_a_verb_that_does_not_exist():
    verbs = {*" ".join(PANELS.values()).split(), "VERB"}
    for path in [*DOCS, *(HOUSE / "examples").rglob("*.md"), HOUSE / "inventory.example.yaml"]:
        named = re.findall(r"(?:^\$ |`|^    |^)remoterun ([a-z-]+)", path.read_text(), re.MULTILINE)
        assert set(named) <= verbs, path


# --- the tree ------------------------------------------------------------------------------------


def tree() -> str:
    """The drawn tree; what is reserved stands below it."""
    return doc("architecture.md").partition("```\n")[2].partition("```")[0]


def test_every_script_and_every_module_has_its_place_in_the_tree():
    words = set(re.findall(r"[\w/.]+", tree()))
    missing = [p.name for p in SCRIPTS if p.name not in words]
    for path in MODULES:
        inside = path.relative_to(HOUSE / "remoterun")
        if path.name == "__init__.py" and len(inside.parts) > 1:
            continue
        if not {path.name, str(inside), "/".join(inside.parts[-2:])} & words:
            missing.append(str(inside))
    assert missing == []


def test_the_tree_shows_nothing_that_is_not_there():
    there = {p.name for folder in ("remoterun", "shell_templates", "tests") for p in all_of(folder)}
    shown = {word.split("/")[-1] for word in re.findall(r"[\w/]+\.(?:py|sh|pl)\b", tree())}
    assert shown - there - {"job.sh"} == set()


def all_of(folder: str) -> list[Path]:
    return [path for path in (HOUSE / folder).rglob("*") if "__pycache__" not in path.parts]


def test_every_request_of_a_script_is_on_the_page_of_the_wire():
    said = doc("architecture.md").partition("## The wire")[2]
    for path in SCRIPTS:
        if re.search(r"^# request ", path.read_text(), re.MULTILINE):
            assert f"| `{path.name}` |" in said
    look = (HOUSE / "shell_templates/look.sh").read_text()
    for key in set(re.findall(r"\bsee ([a-z_]+) ", look)):
        assert f"`{key}" in said, key


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
        assert "://" in target or (path.parent / target).exists(), target


# --- the run directory ---------------------------------------------------------------------------

SECTIONS = {
    "manifest.json": ("manifest", "Manifest", "GitFacts", "HostFacts", "LauncherFacts"),
    "waivers.json": ("waivers", "Waivers", "Waiver"),
    "context.json": ("context", "Context"),
    "process.json": ("process", "Process"),
    "heartbeat.json": ("heartbeat", "Heartbeat"),
    "stop_request.json": ("stop_request", "StopRequest"),
    "control/exec": ("exit_status", "Started"),
    "control/shim_exit": ("exit_status", "ShimExit"),
    "exit_status.json": ("exit_status", "ExitStatus"),
    "result.json": ("result", "Result", "ReportCandidate"),
    "artifacts.json": ("artifacts", "Artifacts", "Artifact"),
}


def test_every_name_of_the_code_is_on_the_page_of_the_run_directory():
    constants = {n: v for n, v in vars(rundir).items() if n.isupper() and isinstance(v, str)}
    text = doc("run-directory.md")
    assert [value for value in constants.values() if f"`{value}" not in text] == []


@pytest.mark.parametrize("record", SECTIONS)
def test_every_field_of_a_record_is_on_the_page(record):
    module, *names = SECTIONS[record]
    section = doc("run-directory.md").partition(f"### `{record}`\n")[2].partition("\n### ")[0]
    known = set(re.findall(r"`(\w+)`", section))
    models = importlib.import_module(f"remoterun.model.{module}")
    for name in names:
        model = getattr(models, name)
        assert issubclass(model, Record)
        assert set(model.model_fields) - known == set(), name


def test_both_pages_of_gates_have_every_field_of_their_records():
    from remoterun.model.data_quality import DataQualityReport
    from remoterun.model.preflight import Preflight

    text = doc("gates.md")
    for model in (Preflight, DataQualityReport):
        assert [f for f in model.model_fields if f"`{f}`" not in text] == []


def test_the_page_of_answers_has_every_key_of_a_run():
    from remoterun.model.views import LogView, ProgressView, RunPage

    rows = [row for row in doc("output.md").splitlines() if row.startswith("| `")]
    words = set(re.findall(r"\w+", " ".join(rows)))
    for model in (RunPage, ProgressView, LogView):
        assert set(model.model_fields) - words == set(), model


def test_every_ending_and_reason_is_on_the_page():
    text = doc("run-directory.md")
    for word in [*exit_status.Ending, *exit_status.Reason]:
        assert f"`{word}`" in text, word


def test_every_file_of_a_real_run_is_on_the_page(lab):
    """A run that is gated, waived, stopped and resumed; with a setup text, a report and outputs."""
    text = doc("run-directory.md")
    settings = {
        "command": ["bash", "-c"],
        "setup": "true",
        "report": "out/report.json",
        "outputs": ["out/"],
        "limits": {"stop_grace": "1s"},
        "data_quality": {"date_column": "date", "min_rows": 1, "key_columns": ["date"]},
    }
    project = {"version": 1, "project": "p", "owner": "hui", "workflows": {"job": settings}}
    (lab.root / "remoterun.yaml").write_text(json.dumps(project))
    (lab.root / "table.csv").write_text("date\n2020-01-02\n")
    line = (
        'mkdir -p out; echo {} >out/report.json; echo "{}" >$OUT_DIR/progress.json; '
        "[ $REMOTERUN_ATTEMPT = 2 ] || sleep 60"
    )
    waiver = ("--set", "data_quality.max_staleness=9999d", "--reason", "an old table")
    began = remote(
        lab, "official", "--tag", "t", "--dq-input-csv", "table.csv", *waiver, "--", line
    )
    assert began.returncode == 0, began.stderr
    assert remote(lab, "stop", "t", "-m", "enough").returncode == 0
    assert remote(lab, "resume", "t", "--follow", *waiver).returncode == 0

    (run_dir,) = (lab.root / "audit/workstation_runs").iterdir()
    names = {str(path.relative_to(run_dir)) for path in run_dir.rglob("*") if path.is_file()}
    inside = {re.sub(r"^attempts/\d+/", "", name) for name in names}
    inside = {re.sub(r"^control/wrappers/.*", "control/wrappers/", name) for name in inside}
    assert len(inside) > 25
    assert [name for name in sorted(inside) if f"`{name}" not in text] == []
    assert {"waivers.json", "setup.sh", "context.json", "stop_request.json"} <= inside


def remote(lab, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "remoterun", *words], cwd=lab.root, capture_output=True, text=True, timeout=120
    )


# --- promises ------------------------------------------------------------------------------------


def test_every_state_is_on_the_page_of_guarantees():
    text = doc("guarantees.md")
    assert [state for state in StateName if f"`{state}`" not in text] == []


def test_every_test_that_a_guarantee_names_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", doc("guarantees.md"))
    assert len(named) > 20
    for file, name in named:
        functions = ast.walk(ast.parse((HOUSE / file).read_text()))
        assert name in {f.name for f in functions if isinstance(f, ast.FunctionDef)}, (file, name)
