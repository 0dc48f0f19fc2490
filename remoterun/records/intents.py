"""Intents: (tag, attempt, token) on disk before anything is sent; so it happens at most once."""

import hashlib
import shlex
from pathlib import Path

from remoterun.errors import LocalFileError
from remoterun.model.intent import Intent
from remoterun.model.names import Tag
from remoterun.records.files import file_errors, make_folder, publish


def tag_digest(tag: Tag) -> str:
    """The name under which a tag is claimed: no character of it reaches a path."""
    return hashlib.sha256(tag.encode()).hexdigest()


def intents_folder(project_root: Path) -> Path:
    return project_root / ".remoterun" / "intents"


def read_intents(project_root: Path, tag: Tag) -> list[Intent]:
    """The intents of a tag, by attempt.

    Raises:
        LocalFileError: one cannot be read; it may stand for a run that goes on.
    """
    folder = intents_folder(project_root)
    paths = folder.glob(f"{tag_digest(tag)}.*.json") if folder.is_dir() else ()
    found = [_read(path) for path in paths]
    return sorted(found, key=lambda intent: intent.attempt)


def read_run_dirs(project_root: Path) -> list[Path]:
    """The run directories that the intents of a project name, whether they exist or not.

    An intent that cannot be read names none; launching or resuming its tag says so.
    """
    found: dict[Path, None] = {}
    folder = intents_folder(project_root)
    for path in folder.glob("*.json") if folder.is_dir() else ():
        try:
            intent = _read(path)
        except LocalFileError:
            continue
        found[Path(intent.root) / intent.run_path] = None
    return list(found)


def publish_intent(project_root: Path, intent: Intent) -> Intent:
    """Write the intent; when another launcher was first, its intent comes back and stands."""
    folder = intents_folder(project_root)
    make_folder(folder)
    ignore = folder.parent / ".gitignore"
    if not ignore.exists():
        publish(ignore, b"*\n")
    path = folder / _name(intent)
    content = intent.model_dump_json(indent=2).encode() + b"\n"
    return intent if publish(path, content) else _read(path)


def _name(intent: Intent) -> str:
    return f"{tag_digest(intent.tag)}.{intent.attempt}.json"


def _read(path: Path) -> Intent:
    with file_errors(path, "read"):
        content = path.read_bytes()
    try:
        intent = Intent.model_validate_json(content)
        if _name(intent) != path.name:
            raise ValueError("it names another tag or attempt")
    except ValueError as error:
        why = "it is no valid intent; it may stand for a run that goes on"
        fix = f"look for the run (remoterun status --all), then: mv {shlex.quote(str(path))} /tmp"
        raise LocalFileError("cannot read an intent", where=str(path), why=why, fix=fix) from error
    return intent
