"""Files of this machine: whole or absent at any moment, and the first record stands."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from faults import syscalls

from remoterun.errors import LocalFileError
from remoterun.records import files
from remoterun.records.files import append, make_folder, publish, replace

OLD, NEW = b"old " * 2000, b"new " * 3000
PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from remoterun.records import files
Path(sys.argv[3]).with_name("go").touch()
getattr(files, sys.argv[2])(Path(sys.argv[3]), b"new " * 3000)
"""
ROOT = Path(files.__file__).parents[2]
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is missing")


def do(what, path, *, strace=()):
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(ROOT), what, str(path)]
    return subprocess.run([*strace, *command], capture_output=True, check=False)


@needs_strace
@pytest.mark.parametrize("what", ["publish", "replace"])
def test_a_file_is_whole_or_as_before_when_its_writer_is_killed_at_any_system_call(tmp_path, what):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "record.json"
    before = OLD if what == "replace" else None
    trace = tmp_path / "trace"
    do(what, path)  # whatever is done only once on a machine
    path.unlink()
    do(what, path, strace=["strace", "-o", str(trace)])
    seen = set()
    killed = 0
    for point in syscalls.points(trace, lambda line: str(folder / "go") in line):
        shutil.rmtree(folder)
        folder.mkdir()
        if before is not None:
            path.write_bytes(before)
        killed += do(what, path, strace=point.kill()).returncode != 0
        found = path.read_bytes() if path.exists() else None
        assert found in (before, NEW), f"half a file at {point}"
        seen.add(found)
        # the second try succeeds, whatever the first one left
        assert do(what, path).returncode == 0
        assert path.read_bytes() == NEW
    assert seen == {before, NEW}
    assert killed > 8


@needs_strace
@pytest.mark.parametrize("fault", ["ENOSPC", "EIO", "EDQUOT"])
@pytest.mark.parametrize("call", ["write", "fsync", "openat"])
def test_a_failed_call_leaves_no_file_and_says_so(tmp_path, fault, call):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "record.json"
    refused = 0
    for number in (1, 2, 3):
        inject = f"inject={call}:error={fault}:when={number}"
        strace = ["strace", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
        if call == "openat":
            strace += ["-P", str(folder)]
        done = do("publish", path, strace=strace)
        if done.returncode:
            refused += 1
            assert b"LocalFileError" in done.stderr
        assert not path.exists() or path.read_bytes() == NEW
        path.unlink(missing_ok=True)
        assert [p.name for p in folder.iterdir() if p.name.endswith(".tmp")] == []
    assert refused


def test_the_first_record_stands_among_many_writers(tmp_path):
    path = tmp_path / "record.json"
    won = []

    def write(number):
        if publish(path, f"{number}\n".encode() * 1000):
            won.append(number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert path.read_bytes() == f"{won[0]}\n".encode() * 1000
    assert list(tmp_path.iterdir()) == [path]


def test_readers_of_a_file_that_is_replaced_never_see_half_of_it(tmp_path):
    path = tmp_path / "file"
    replace(path, OLD)
    done = threading.Event()
    torn = []

    def watch():
        while not done.is_set():
            if path.read_bytes() not in (OLD, NEW):
                torn.append(1)

    readers = [threading.Thread(target=watch) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(300):
        replace(path, NEW if number % 2 else OLD)
    done.set()
    for reader in readers:
        reader.join()
    assert torn == []


@needs_strace
def test_a_published_file_is_on_the_disk_before_its_name_and_the_name_before_the_answer(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    trace = tmp_path / "trace"
    watched = "openat,write,fsync,link,linkat,rename"
    do("publish", folder / "r", strace=["strace", "-y", "-o", str(trace), "-e", f"trace={watched}"])
    lines = trace.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if str(folder / "go") in line) + 1
    calls = [line.split("(")[0] for line in lines[start:] if str(folder) in line]
    order = [name for name in calls if name != "openat"]
    assert order in (["write", "fsync", "link", "fsync"], ["write", "fsync", "linkat", "fsync"])


def test_appending_keeps_what_was_there(tmp_path):
    path = tmp_path / "ledger"
    append(path, b"one\n")
    append(path, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(LocalFileError) as caught:
        publish(tmp_path / "missing" / "record", b"x")
    assert "missing" in caught.value.where
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LocalFileError):
        make_folder(tmp_path / "file" / "folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_read_only_folder_is_refused_with_its_reason(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(LocalFileError, match="cannot write"):
        publish(tmp_path / "record", b"x")
    tmp_path.chmod(0o700)
