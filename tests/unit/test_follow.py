"""What a stream of looks remembers, and how log bytes become lines."""

import base64
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remoterun.model.progress import Progress
from remoterun.rules.sight import Sight, parse_frame, parse_sights
from remoterun.steps.logs import Following
from remoterun.steps.look import WatchSettings
from remoterun.steps.monitor import Memory
from tests.given_runs import evidence

EPOCHS = WatchSettings(milestones=(r"epoch \d+",))


def log(data, offset):
    return Sight(evidence(), log=data, log_offset=offset)


def words(*texts):
    return [text.encode() for text in texts]


def test_a_milestone_is_found_also_when_its_line_came_in_two_pieces():
    memory = Memory()
    memory.add_log(log(b"epoch", 0), EPOCHS)
    memory.add_log(log(b" 1\nepoch 2", 5), EPOCHS)
    assert list(memory.reached) == ["epoch 1"]
    memory.add_log(log(b"\n", 15), EPOCHS)
    assert list(memory.reached) == ["epoch 1", "epoch 2"]


def test_bytes_that_were_missed_end_the_line_that_was_open():
    memory = Memory()
    memory.add_log(log(b"epoch 1", 0), EPOCHS)
    memory.add_log(log(b"00\n", 10_000), EPOCHS)
    assert list(memory.reached) == []
    assert memory.log == b"00\n"


def test_what_is_remembered_of_a_log_is_bounded():
    memory = Memory()
    for number in range(100):
        memory.add_log(log(b"epoch 1\n" * 8192, number * 65536), EPOCHS)
    memory.add_log(log(b"x" * 65536, 100 * 65536), EPOCHS)
    assert len(memory.log) <= 64_000
    assert len(memory.open_line) <= 8_000
    assert len(memory.reached) <= 50


def test_the_rate_begins_anew_when_progress_falls_back_or_its_target_changes():
    memory = Memory()
    assert memory.pace_of(Progress(n_done=0, n_target=100), 0) is None
    assert memory.pace_of(Progress(n_done=50, n_target=100), 10).rate_per_s == 5
    assert memory.pace_of(Progress(n_done=10, n_target=100), 20) is None
    assert memory.pace_of(Progress(n_done=20, n_target=100), 30).rate_per_s == 1
    assert memory.pace_of(Progress(n_done=20, n_target=400), 40) is None
    assert memory.pace_of(None, 50) is None


def test_the_rate_is_that_of_the_last_ten_minutes():
    memory = Memory()
    for minute in range(30):
        done = minute if minute < 15 else 15 + (minute - 15) * 60
        pace = memory.pace_of(Progress(n_done=done, n_target=10_000), minute * 60.0)
    assert pace.rate_per_s == pytest.approx(1.0)


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
def test_lines_are_the_same_however_the_bytes_were_cut(data, cuts):
    def lines(pieces):
        following = Following(monotonic=lambda: 0.0)
        return [line for piece in pieces for line in following.add(piece)] + following.flush()

    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(places)]
    assert lines(pieces) == lines([data])


def test_a_bar_that_never_ends_its_line_is_shown_now_and_then():
    now = iter([0.0, 1.0, 3.0, 3.0])
    following = Following(monotonic=now.__next__)
    assert following.add(b"\r 1/9\r 2/9") == []
    assert following.add(b"\r 3/9") == [" 3/9"]


def test_a_line_that_never_ends_is_bounded():
    following = Following()
    for _ in range(100):
        following.add(b"x" * 65536)
    assert len(following.open) <= 8_000
    (line,) = following.flush()
    assert len(line) <= 2_001


def test_a_reply_has_a_sight_for_each_run_in_order():
    tail = base64.b64encode(b"end\n").decode()
    reply = words("now", "100", "run", "/a", "log", "4 90 1 1", "tail", tail, "end", "")
    reply += words("run", "/b", "missing", "run_dir", "end", "")
    first, second = parse_sights(reply)
    assert (first.evidence.run_dir, first.tail, first.evidence.log_age_s) == ("/a", b"end\n", 10)
    assert (second.evidence.run_dir, second.evidence.missing) == ("/b", True)


def test_a_frame_has_the_new_bytes_and_the_reason_of_its_end():
    data = base64.b64encode(b"\xff\0new\n").decode()
    frame = words("now", "1", "run", "/a", "end", "", "log_offset", "7", "log_bytes", data)
    sight = parse_frame([*frame, *words("done", "ended")])
    assert (sight.log_offset, sight.log, sight.done) == (7, b"\xff\0new\n", "ended")
    assert parse_frame(words("now", "1")) is None


@given(st.lists(st.binary(max_size=30), max_size=12))
def test_no_reply_breaks_the_parser(reply):
    parse_sights([b"run", b"/a", *reply, b"end", b""])
    parse_frame([b"run", b"/a", *reply, b"end", b"", *reply])
