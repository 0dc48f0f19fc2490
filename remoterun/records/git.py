"""Commit and dirt of a work tree, by at most three git processes."""

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from remoterun.model.manifest import GitFacts
from remoterun.model.names import Digest
from remoterun.model.project import Paths, Project

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

STATUS = ("status", "--porcelain=v2", "--branch", "-z", "-uno", "--no-renames")
OTHERS = ("ls-files", "--others", "--exclude-standard", "-z")


def exclusions(project: Project | None) -> tuple[list[str], list[str]]:
    """Pathspecs of what remoterun and the workflows write: (for tracked, for untracked files).

    Relative to the project's folder. A tracked file that matches `outputs:` still counts.
    """
    paths = project.paths if project else Paths()
    ours = [".remoterun", *(path for path in paths.model_dump().values() if path)]
    base = [f":(exclude){path}" for path in ours]
    written = [
        pattern.rstrip("/")
        for workflow in (project.workflows.values() if project else ())
        for pattern in (*workflow.outputs, *((workflow.report,) if workflow.report else ()))
    ]
    globs = [f":(exclude,glob){pattern}{tail}" for pattern in written for tail in ("", "/**")]
    return base, base + list(dict.fromkeys(globs))


def read_git(root: Path, project: Project | None) -> GitFacts:
    """The facts of the repository around `root`; all null, with a note, where git has none."""
    try:
        return _read_git(root, *exclusions(project))
    except GitFailed as failed:
        return GitFacts(
            commit=None,
            branch=None,
            dirty=None,
            dirty_count=None,
            untracked_count=None,
            diff_sha256=None,
            note=str(failed),
        )


class GitFailed(Exception):
    """Why git says nothing."""


def _read_git(root: Path, base: Sequence[str], untracked: Sequence[str]) -> GitFacts:
    status = _git(root, *STATUS, "--", ":/", *base)
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
        raise GitFailed("the git repository has no commit yet")
    n_untracked = _git(root, *OTHERS, "--", ":/", *untracked).count(b"\0")
    diff = None
    if changed:
        diff = Digest(hashlib.sha256(_git(root, *DIFF, "--", ":/", *base)).hexdigest())
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
    try:
        printed = _git(folder, "rev-parse", "--show-toplevel")
    except GitFailed:
        return None
    return Path(os.fsdecode(printed.removesuffix(b"\n"))) if printed else None


def _git(root: Path, *words: str) -> bytes:
    argv: Sequence[str] = ("git", "-C", str(root), *words)
    environ = {
        k: v
        for k, v in os.environ.items()
        if k not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    }
    environ |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(argv, capture_output=True, env=environ, check=False)
    except OSError as error:
        raise GitFailed("git is not installed") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "backslashreplace").partition("\n")[0]
        none = "not a git repository" in said
        raise GitFailed("this is no git repository" if none else f"git says: {said}")
    return done.stdout
