"""Commit and dirt of a work tree, by at most three git processes."""

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from remoterun.model.manifest import GitFacts
from remoterun.model.names import Digest
from remoterun.model.project import Project

DIFF = (
    "-c",
    "core.quotePath=true",
    "diff",
    "HEAD",
    "--binary",
    "--full-index",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)


def exclusions(project: Project | None) -> tuple[list[str], list[str]]:
    """Pathspecs of what remoterun and the workflows write: (for tracked, for untracked files).

    Relative to the project's folder. A tracked file that matches `outputs:` still counts.
    """
    ours = [".remoterun"]
    if project is not None:
        paths = project.paths.model_dump()
        ours += [str(path) for path in paths.values() if path]
    base = [f":(exclude){path}" for path in ours]
    written = [
        pattern.rstrip("/")
        for workflow in (project.workflows.values() if project else ())
        for pattern in (*workflow.outputs, *((workflow.report,) if workflow.report else ()))
    ]
    globs = [f":(exclude,glob){pattern}{tail}" for pattern in written for tail in ("", "/**")]
    return base, base + list(dict.fromkeys(globs))


def read_git(root: Path, project: Project | None) -> GitFacts:
    """The facts of the repository around `root`; all null, with a note, where there is none."""
    base, untracked = exclusions(project)
    status = _git(
        root,
        "status",
        "--porcelain=v2",
        "--branch",
        "-z",
        "-uno",
        "--no-renames",
        "--",
        ":/",
        *base,
    )
    if status is None:
        return _nothing("git is not installed, or this is no git repository")
    commit = branch = None
    changed = 0
    for entry in status.split(b"\0"):
        text = entry.decode("utf-8", "replace")
        if text.startswith("# branch.oid "):
            commit = text.removeprefix("# branch.oid ")
        elif text.startswith("# branch.head "):
            branch = text.removeprefix("# branch.head ")
        elif text and not text.startswith("#"):
            changed += 1
    if commit is None or len(commit) < 40:
        return _nothing("the git repository has no commit yet")
    others = (
        _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", ":/", *untracked)
    ) or b""
    n_untracked = others.count(b"\0")
    diff = None
    if changed:
        diff = Digest(hashlib.sha256(_git(root, *DIFF, "--", ":/", *base) or b"").hexdigest())
    return GitFacts(
        commit=commit,
        branch=None if branch == "(detached)" else branch,
        dirty=changed + n_untracked > 0,
        dirty_count=changed + n_untracked,
        untracked_count=n_untracked,
        diff_sha256=diff,
    )


def git_top(folder: Path) -> Path | None:
    """The top of the repository around a folder."""
    printed = _git(folder, "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(printed.removesuffix(b"\n"))) if printed else None


def _git(root: Path, *words: str) -> bytes | None:
    argv: Sequence[str] = ("git", "-C", str(root), *words)
    environ = {
        k: v
        for k, v in os.environ.items()
        if k not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    }
    environ["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run(argv, capture_output=True, env=environ, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _nothing(note: str) -> GitFacts:
    return GitFacts(
        commit=None,
        branch=None,
        dirty=None,
        dirty_count=None,
        untracked_count=None,
        diff_sha256=None,
        note=note,
    )
