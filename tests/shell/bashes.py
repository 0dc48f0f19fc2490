"""Every bash at hand, and a way to call one function of lib.sh in each."""

import os
import subprocess
from pathlib import Path

from remoterun.records.scripts import read_text

PLACES = [*os.environ.get("PATH", "").split(":"), "/opt/bash", "/usr/local/bash"]


def found() -> dict[str, str]:
    """Version -> path; folders named by REMOTERUN_BASHES (colons between) are searched too."""
    folders = [*PLACES, *os.environ.get("REMOTERUN_BASHES", "").split(":")]
    candidates = [path for folder in folders if folder for path in Path(folder).glob("bash*")]
    bashes: dict[str, str] = {}
    for path in candidates:
        if path.name == "bash" or path.name.removeprefix("bash").lstrip("-")[:1].isdigit():
            say = [str(path), "-c", "printf %s.%s ${BASH_VERSINFO[0]} ${BASH_VERSINFO[1]}"]
            version = subprocess.run(say, capture_output=True, text=True, check=False).stdout
            if version:
                bashes.setdefault(version, str(path))
    return bashes


BASHES = found()


def call(bash: str, script: str, *words: str | bytes, stdin: bytes = b"", cwd: Path | None = None):
    """Run `script` behind lib.sh; its words are $1 and on."""
    text = read_text("lib.sh") + b"\n" + script.encode()
    return subprocess.run(
        [bash, "-c", text, "lib.sh", *words], input=stdin, capture_output=True, cwd=cwd, check=False
    )
