"""A read that fails is an answer of a function, and never the end of the shell that asked."""

import subprocess
from pathlib import Path

import given
import pytest

LIB = Path(__file__).parents[2] / "shell_templates/lib.sh"


def in_bash(script: str, *words: object) -> str:
    """What a script says behind lib.sh, as a wrapper runs."""
    argv = ["bash", "-c", f'. "$0"\n{script}', LIB, *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20).stdout


def test_a_process_that_ends_while_it_is_looked_at_is_no_process(tmp_path):
    # a folder in the place of /proc/PID/stat: the open succeeds, the read fails
    (tmp_path / "stat").mkdir()
    said = in_bash('read_stat "../$1"; echo "$? and alive"', tmp_path)
    assert said == "1 and alive\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "0 <>"), (b"a\nb", "0 <a\nb>"), (b"a\n\nb\n", "0 <a\n\nb>"), (None, "1 <>")],
    ids=["empty", "without_a_last_line_end", "with_an_empty_line", "a_folder"],
)
def test_a_text_is_read_whole_or_not_at_all(tmp_path, content, said):
    path = tmp_path / "file"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert in_bash('read_text "$1"; echo "$? <$text>"', path) == f"{said}\n"


def test_a_program_that_makes_folders_of_our_files_spoils_no_record_and_no_look(lab):
    script = 'mkdir "$OUT_DIR/progress.json" "$REMOTERUN_REPORT_FILE"; sleep 1'
    run_dir = lab.official(script, "t1", follow="gates")
    given.wait_until((run_dir / "progress.json").exists)
    assert given.see(run_dir)[1].name == "running"
    assert given.settled(run_dir).name == "succeeded"
    assert (run_dir / "artifacts.json").exists()
