"""shell_templates -> Script: the text as it is shipped, and its digest."""

import hashlib
from functools import cache
from importlib import resources

from remoterun.model.names import Digest
from remoterun.model.script import Script


@cache
def read_text(name: str) -> bytes:
    """One file of shell_templates, in every kind of installation."""
    return resources.files("remoterun").joinpath("shell_templates", name).read_bytes()


@cache
def read_script(*names: str) -> Script:
    """These scripts, one behind the other: `read_script("lib", "look", "evidence")`."""
    text = b"".join(read_text(f"{name}.sh") for name in names)
    # bash reads a line at a time: the last one calls main and exits, and what follows is data
    return Script(names[-1], text, Digest(hashlib.sha256(text).hexdigest()))
