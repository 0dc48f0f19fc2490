"""A real project in a temporary folder, launched by the real command line and wrappers."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from remoterun.model.state import State
from remoterun.records.config import read_configuration
from remoterun.records.intents import publish_intent
from remoterun.rules.state import classify
from remoterun.steps.launch import build_parcel, send
from remoterun.steps.look import look
from remoterun.steps.official import first_intent
from remoterun.steps.request import Wishes, prepare_official

# What the command of every test does: it counts itself and keeps what it received.
WITNESS = r"""
printf 'ran %s\n' "$REMOTERUN_ATTEMPT" >>"$OUT_DIR/ran"
[ $# -eq 0 ] || printf '%s\0' "$@" >"$OUT_DIR/received"
[ -z "${REMOTERUN_INPUT_CSV-}" ] || sha256sum <"$REMOTERUN_INPUT_CSV" >"$OUT_DIR/read"
env -0 >"$OUT_DIR/environment"
[ ! -e then.sh ] || . ./then.sh
"""
TABLE_RULES = {
    "required_columns": ["date", "ticker", "score"],
    "numeric_columns": ["score"],
    "key_columns": ["date", "ticker"],
    "date_column": "date",
    "min_rows": 10,
}


@dataclass(frozen=True)
class Launch:
    """What came of a launch that was made step by step."""

    run_dir: Path
    state: State

    @property
    def executions(self) -> int:
        marks = (self.run_dir / "control/exec").exists()
        return max(int(marks), len(lines_of(self.run_dir / "ran")))


class Project:
    """A git repository with `remoterun.yaml`, a table and a command."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "USER": "hui",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "200",
        }
        home.mkdir(parents=True)
        root.mkdir(parents=True)
        (root / "job.sh").write_text(WITNESS)
        self.git("init", "-q", "-b", "main")
        self.configure()
        self.write_table()
        self.commit()

    def configure(self, *, project: Mapping[str, Any] | None = None, **workflow: Any) -> None:
        """Write `remoterun.yaml`, as JSON, which YAML is a superset of."""
        gates = {"command": ["bash", "job.sh"], "identity_args": True, "data_quality": TABLE_RULES}
        settings = {
            "version": 1,
            "project": "research",
            "owner": "hui",
            "workflows": {"gates": gates | workflow},
            **(project or {}),
        }
        (self.root / "remoterun.yaml").write_text(json.dumps(settings, indent=1))

    def write_table(self, name: str = "table.csv", *, rows: int = 20, score: str = "0.5") -> Path:
        """A table that passes; its dates end yesterday."""
        day = datetime.now(UTC).date() - timedelta(days=1)
        lines = [f"{day - timedelta(days=n // 5)},T{n % 5},{score}\n" for n in range(rows)]
        path = self.root / name
        path.write_text("date,ticker,score\n" + "".join(lines))
        return path

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=n@example", "-c", "gc.auto=0")
        done = subprocess.run(
            ["git", "-C", str(self.root), *identity, *words],
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "a state")
        return self.git("rev-parse", "HEAD").strip()

    def remoterun(
        self,
        *words: str | bytes,
        cwd: Path | None = None,
        timeout: float = 60,
        **environ: str,
    ) -> subprocess.CompletedProcess[str]:
        """The command line, as a user types it."""
        return subprocess.run(
            [sys.executable, "-m", "remoterun", *words],
            cwd=cwd or self.root,
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=timeout,
        )

    def official(
        self,
        tag: str,
        *flags: str | bytes,
        args: Sequence[str | bytes] = ("--factor", "combo"),
        follow: bool = True,
        **environ: str,
    ) -> subprocess.CompletedProcess[str]:
        words = ["official", "--tag", tag, *flags, *(["-f"] if follow else []), "--", *args]
        return self.remoterun(*words, **environ)

    def launch(
        self,
        tag: str,
        *,
        wrappers: Mapping[str, str] | None = None,
        follow: str = "end",
        table: str | None = "table.csv",
        sets: Sequence[str] = (),
        **wishes: Any,
    ) -> Launch:
        """An official launch as the command line makes it, with some wrappers exchanged: the
        genuine one lies beside them as genuine_NAME.
        """
        now = datetime.now(UTC)
        wished = Wishes(args=[b"--factor", b"combo"], tag=tag, input_csv=table, sets=sets, **wishes)
        configuration = read_configuration(self.root, self.environ, None, None)
        prepared = prepare_official(configuration, wished, self.environ, now)
        intent = publish_intent(prepared.project_root, first_intent(prepared, now))
        assert prepared.project is not None
        parcel = build_parcel(prepared.request, intent, prepared.project.settings)
        files = dict(parcel.files)
        for name, text in (wrappers or {}).items():
            files[f"control/wrappers/genuine_{name}"] = files[f"control/wrappers/{name}"]
            files[f"control/wrappers/{name}"] = text.encode()
        with send(replace(parcel, files=files), "local", follow=follow) as launched:
            for _ in launched.frames:
                pass
            run_dir = Path(launched.run_dir)
        return Launch(run_dir, classify(look([run_dir])[0]))

    def run_dir(self, tag: str) -> Path:
        (found,) = (self.root / "audit/workstation_runs").glob(f"*_{tag}")
        return found

    def runs(self) -> list[Path]:
        return sorted((self.root / "audit/workstation_runs").glob("*"))

    def state(self, run_dir: Path) -> State:
        return classify(look([run_dir])[0])

    def processes(self) -> list[int]:
        """Everything alive that one of this project's runs has started."""
        found = []
        marks = (f"REMOTERUN_RUN_DIR={self.root}/".encode(), f"{self.root}/audit".encode())
        for folder in Path("/proc").glob("[0-9]*"):
            if int(folder.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                text = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
                if any(mark in text for mark in marks):
                    found.append(int(folder.name))
        return found

    def end_everything(self) -> None:
        for _ in range(50):
            alive = self.processes()
            if not alive:
                return
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)


@contextlib.contextmanager
def a_project(folder: Path) -> Iterator[Project]:
    """Ends whatever its runs left behind."""
    made = Project(folder / "project", folder / "home")
    try:
        yield made
    finally:
        made.end_everything()


def record(run_dir: Path, name: str) -> dict[str, Any]:
    said = json.loads((run_dir / name).read_bytes())
    assert isinstance(said, dict)
    return said


def received(run_dir: Path) -> list[bytes]:
    """The arguments as the program got them."""
    return (run_dir / "received").read_bytes().split(b"\0")[:-1]


def environment(run_dir: Path) -> dict[str, str]:
    words = (run_dir / "environment").read_text().split("\0")[:-1]
    return dict(word.split("=", 1) for word in words)


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
