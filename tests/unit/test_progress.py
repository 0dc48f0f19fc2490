"""Progress out of files and log lines, as programs in the wild write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remoterun.rules.log_lines import LINE_CHARACTERS, log_lines
from remoterun.rules.progress import (
    Observation,
    milestones,
    pace,
    parse_progress,
    progress_from_log,
    read_time,
)


@pytest.mark.parametrize(
    ("said", "done", "target"),
    [
        ({"n_done": 17, "n_target": 256}, 17, 256),
        ({"n_done": 3, "n_cases_total": 9, "n_failed": 1, "cases": [{"label": "a"}]}, 3, 9),
        ({"anchors_done": 1, "anchors_total": 4, "anchors_pct": 25.0}, 1, 4),
        ({"chunks_done": 5, "chunks_total": 8, "status": "running"}, 5, 8),
        ({"done_events": 1e6, "n_events": 2e6, "stage": "fit"}, 1_000_000, 2_000_000),
        ({"done": 12, "nsim": 100, "elapsed_s": 3.5}, 12, 100),
        ({"done": ["load", "fit"], "steps_total": 7, "failed": None}, 2, 7),
        ({"done": [], "steps_total": 7}, 0, 7),
    ],
)
def test_every_known_vocabulary_is_folded_to_done_and_target(said, done, target):
    progress = parse_progress(json.dumps(said), "progress.json")
    assert (progress.n_done, progress.n_target) == (done, target)


@pytest.mark.parametrize(
    "text",
    [
        '{"n_done": NaN, "n_target": 4}',
        '{"n_done": 1, "n_target": Infinity}',
        '{"n_done": 1, "n_target": 0}',
        '{"n_done": -1, "n_target": 4}',
        '{"n_done": true, "n_target": 4}',
        '{"n_done": "1", "n_target": "4"}',
        '{"n_done": 1e999, "n_target": 4}',
        '{"n_done": 1, "n_target": ' + "9" * 400 + "}",
        '{"n_done": 1, "n_target": ' + "9" * 5000 + "}",
        '{"n_done": 1}',
        '{"n_done": 1, "n_tar',
        "[" * 100_000,
        "[1, 2]",
        "null",
        "",
    ],
)
def test_what_says_no_progress_is_never_guessed(text):
    assert parse_progress(text, "progress.json") is None


def test_a_null_beside_a_usable_vocabulary_does_not_hide_it():
    text = '{"n_done": NaN, "n_target": 7, "anchors_done": 1, "anchors_total": 4}'
    assert parse_progress(text, "f").n_target == 4


@given(st.text())
def test_no_text_breaks_the_parser(text):
    parse_progress(text, "f")
    progress_from_log([text])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("20260209_061720UTC", "2026-02-09T06:17:20Z"),
        ("2026-02-09T06:20:07Z", "2026-02-09T06:20:07Z"),
        ("2026-02-03T23:21:57.203897+00:00", "2026-02-03T23:21:57.203897Z"),
        ("2026-02-21T05:34:48+0800", "2026-02-20T21:34:48Z"),
        ("\\2026-02-09T06:17:13Z", "2026-02-09T06:17:13Z"),
        ("2026-02-09T06:17:13", "2026-02-09T06:17:13 (zone unknown)"),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_are_read_in_every_form_that_exists(written, read):
    assert read_time(written) == read


def test_when_and_at_which_stage_come_along():
    text = '{"done": 1, "nsim": 4, "stage": "fit", "timestamp_utc": "20260209_061720UTC"}'
    progress = parse_progress(text, "f")
    assert (progress.stage, progress.updated_utc) == ("fit", "2026-02-09T06:17:20Z")


@pytest.mark.parametrize(
    ("line", "done", "target"),
    [
        ("[heartbeat] anchors_done=1/4 (25.0%) elapsed=12s", 1, 4),
        (" 45%|####5     | 45/100 [00:10<00:12,  4.50it/s]", 45, 100),
        (" 51%|#### | 512M/1.00G [00:01<00:02]", 51, 100),
        ("epoch 3/10 batch 7/90 loss 0.31", 3, 10),
        ("[17/256] case combo_v2", 17, 256),
        ("it 1/4, loss 0.3", 1, 4),
        ("shard 3/4: done", 3, 4),
        ("draw 50 / 200", 50, 200),
        ("progress: 12.5 %", 12.5, 100),
        ("100%", 100, 100),
        ("finished 3/3.", 3, 3),
    ],
)
def test_lines_of_real_programs_tell_progress(line, done, target):
    progress = progress_from_log([line])
    assert (progress.n_done, progress.n_target) == (done, target)


@pytest.mark.parametrize(
    "line",
    [
        "2026/02/21 started",
        "date 02/21/2026",
        "listening on 10.0.0.1/24",
        "reading data/1/2.csv",
        "ratio 1.5/2.0",
        "5/2",
        "1/0",
        "accuracy 93.5%",
        "dropped 3% of rows",
        "speed -3/4",
        "version 1.2.3",
        "",
    ],
)
def test_lines_that_only_look_like_progress_tell_none(line):
    assert progress_from_log([line]) is None


def test_the_newest_line_counts():
    assert progress_from_log(["1/9", "2/9", "something else"]).n_done == 2


def test_where_the_workflow_names_patterns_only_they_count():
    patterns = [r"draw (?P<done>\d+) of (?P<target>\d+)", r"at (?P<pct>[\d.]+) percent"]
    lines = ["draw 4 of 8", "loaded 3/3 files"]
    assert progress_from_log(lines, patterns).n_done == 4
    assert progress_from_log(["at 12.5 percent"], patterns).pct == 12.5
    assert progress_from_log(["loaded 3/3 files"], patterns) is None
    assert progress_from_log(["draw 4 of 0"], patterns) is None


def test_milestones_are_the_lines_that_match_in_their_order():
    lines = ["epoch 1", "loss 3", "saved model", "epoch 2"]
    assert milestones(lines, [r"epoch \d+", "saved"]) == ["epoch 1", "saved model", "epoch 2"]
    assert milestones(lines, []) == []


def test_rate_and_time_left_need_two_moments_with_work_between_them():
    found = pace(Observation(10, 100), Observation(20, 150), 400)
    assert (found.rate_per_s, found.left_s) == (5.0, 50.0)
    assert pace(Observation(10, 100), Observation(20, 100), 400) is None
    assert pace(Observation(10, 100), Observation(10, 150), 400) is None
    assert pace(Observation(10, 100), Observation(20, 500), 400).left_s == 0


def test_a_progress_bar_is_what_it_showed_last():
    assert log_lines(b"a\r 1/9\r 2/9\r\nend\r") == [" 2/9", "end"]


def test_bytes_that_are_no_text_are_replaced_and_long_lines_are_cut():
    assert log_lines(b"\xff\xfe\n") == ["��"]
    (line,) = log_lines(b"x" * 10_000)
    assert len(line) == LINE_CHARACTERS + 1


def test_of_a_large_log_only_the_end_is_looked_at():
    lines = log_lines(b"a\n" * 1_000_000 + b"last\n")
    assert len(lines) <= 32_000
    assert lines[-1] == "last"
