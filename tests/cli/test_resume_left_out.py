"""`resume` without RUN: the only run that ended without success, never the newest."""

from remoterun.model.exit_status import Ending
from tests.given_runs import ended_run, launch, project, remoterun, wait


def test_left_out_it_means_the_only_run_that_ended_without_success(tmp_path):
    folder = project(
        tmp_path, '[ "$REMOTERUN_TAG" = t1 ] || sleep 30; [ "$REMOTERUN_ATTEMPT" = 2 ]'
    )
    ended_run(folder, "old")
    none = remoterun(folder, "resume")
    assert none.code == 2
    assert "no run is to be resumed" in none.err
    launch(folder, "t1")
    assert wait(folder, "t1") == 7
    launch(folder, "live")
    try:
        done = remoterun(folder, "resume", "-f")
    finally:
        remoterun(folder, "stop", "live")
    assert (done.code, "t1 succeeded" in done.out) == (0, True)


def test_of_several_none_is_guessed_and_the_newest_are_listed(tmp_path):
    folder = project(tmp_path)
    for number in range(12):
        ended_run(
            folder,
            f"t{number:02}",
            stamp=f"2026-03-01_0930{number:02}",
            ending=Ending.FAIL,
            exit_code=3,
        )
    done = remoterun(folder, "resume")
    assert done.code == 2
    assert "12 runs are to be resumed" in done.err
    assert "`t02`, " in done.err
    assert "`t11` and 2 before them" in done.err
    assert "`t01`" not in done.err
