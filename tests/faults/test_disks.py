"""A disk that is full, read-only or limited: the true record or `lost`, never a success."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import given
import pytest

from remoterun.errors import RemoteRunError
from remoterun.model.state import StateName

NOT_STARTED = {StateName.CLAIMED, StateName.BLOCKED}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "1m") -> Iterator[Path]:
    """A tmpfs where the runs of a project will lie."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(path: Path, leave: int) -> None:
    """Take all room but so many bytes."""
    free = os.statvfs(path.parent)
    room = free.f_bavail * free.f_frsize - leave
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while room > 0:
            room -= file.write(b"x" * min(room, 4096))


def true_or_lost(run_dir: Path, exits: int) -> str:
    """What is wrong with how a run is recorded whose command exits so; empty when nothing is."""
    state = given.settled(run_dir).name
    evidence = given.see(run_dir)[0]
    if state in (StateName.LOST, *NOT_STARTED):
        return ""
    ending = evidence.ending or evidence.shim_exit
    if ending is None:
        return f"{state} without a record"
    right = StateName.FAILED if exits else StateName.SUCCEEDED
    wrong = ending.exit_code != exits or state is not right
    return f"{state}, exit code {ending.exit_code}" if wrong else ""


@as_root
@pytest.mark.parametrize("exits", [0, 9])
def test_a_command_that_fills_the_disk_is_recorded_with_its_own_code(lab, soak, exits):
    with small_disk(lab.root / "audit/workstation_runs"):
        for number in range(3 * soak):
            script = f'head -c 3M /dev/zero >"$OUT_DIR/fill"; exit {exits}'
            run_dir = lab.official(script, f"full_{exits}_{number}")
            state = given.settled(run_dir)
            evidence = given.see(run_dir)[0]

            right = StateName.FAILED if exits else StateName.SUCCEEDED
            assert state.name is right, evidence
            assert (evidence.ending or evidence.shim_exit).exit_code == exits
            (run_dir / "fill").unlink()
            for path in [*run_dir.rglob("*")][::-1]:
                path.rmdir() if path.is_dir() else path.unlink()


@as_root
def test_no_room_left_at_any_moment_never_makes_a_success(lab, soak):
    def with_room(leave):
        root = lab.root.parent / f"room_{leave}"
        small = given.Lab.make(root, lab.mark)
        with small_disk(root / "audit/workstation_runs") as disk:
            fill(disk / "ballast", leave)
            try:
                run_dir = small.official("echo a word; exit 9", "tight")
            except RemoteRunError as error:
                return "" if "cannot" in str(error) or "gave no reply" in str(error) else str(error)
            if not (run_dir / "control/lock").exists():
                return ""
            said = true_or_lost(run_dir, 9)
            return f"{leave} bytes left: {said}" if said else ""

    step = 24 if soak == 1 else 4
    with ThreadPoolExecutor(4) as pool:
        wrong = list(pool.map(with_room, range(0, 400_000, step * 1024)))
    assert [text for text in wrong if text] == []


def test_a_directory_that_becomes_read_only_while_it_runs_gives_no_success(lab):
    run_dir = lab.official(
        'echo begun >"$1"; sleep 1; exit 0', "read_only", str(lab.root / "begun")
    )
    given.wait_until((lab.root / "begun").exists)
    folders = [run_dir, run_dir / "control"]
    freeze, thaw = ("chmod", "0500"), ("chmod", "0700")
    if os.geteuid() == 0:
        freeze, thaw = ("chattr", "+i"), ("chattr", "-i")
    if subprocess.run([*freeze, *folders], capture_output=True, check=False).returncode:
        pytest.skip("this file system cannot make a folder unchangeable for root")
    try:
        given.wait_until(lambda: given.lock_is_free(run_dir), 30)
        assert given.see(run_dir)[1].name is StateName.LOST
        assert not (run_dir / "exit_status.json").exists()
    finally:
        subprocess.run([*thaw, *folders], check=False)


@pytest.mark.parametrize("limit", [1000, 30_000, 70_000, 200_000])
def test_a_limit_on_file_sizes_never_makes_a_success(lab, limit):
    script = "head -c 1M /dev/zero | tr '\\0' x; exit 9"
    pid = os.fork()
    if pid == 0:
        try:
            # everything that this launch starts lives under the limit
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            lab.official(script, "limited")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    runs = lab.root / "audit/workstation_runs"
    found = list(runs.glob("*_limited")) if runs.exists() else []
    if not found:
        return
    (run_dir,) = found
    given.wait_until(lambda: not given.with_environment(lab.mark), 30)
    state = given.see(run_dir)[1].name
    assert state in {StateName.FAILED, StateName.LOST, *NOT_STARTED}
    if state is StateName.FAILED:
        # its own code, or the signal that the limit sent it
        assert given.see(run_dir)[0].ending.exit_code in (9, 153)


def test_a_project_that_cannot_be_written_is_refused_with_its_reason(lab):
    blocked = lab.root / "audit"
    blocked.write_text("a file where the runs should lie\n")
    with pytest.raises(RemoteRunError) as caught:
        lab.official("exit 0", "refused")
    assert "cannot" in caught.value.what
    blocked.unlink()
    run_dir = lab.official("exit 0", "refused", follow="end")
    assert given.settled(run_dir).name is StateName.SUCCEEDED
