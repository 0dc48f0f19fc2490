"""lib.sh, function by function, in every bash at hand."""

import base64
import io
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shell.bashes import BASHES, call

from remoterun.records.scripts import read_text
from remoterun.rules.evidence import pairs
from remoterun.transports.frame import build_request, read_frames

pytestmark = pytest.mark.parametrize("bash", BASHES.values(), ids=BASHES)
calm = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
words = st.lists(st.binary(max_size=40).map(lambda word: word.replace(b"\0", b"")), max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NONCE = "ab" * 16
PRINT_JSON = 'for word in "$@"; do json_string "$word"; printf "%s\\n" "$json"; done'


@calm
@given(
    st.lists(
        st.text(
            st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=40
        ),
        max_size=10,
    )
)
def test_a_text_comes_back_out_of_its_json_string(bash, texts):
    printed = call(bash, PRINT_JSON, *[text.encode() for text in texts]).stdout
    assert [json.loads(line) for line in printed.split(b"\n")[:-1]] == texts


@calm
@given(words)
def test_any_bytes_become_a_json_string_that_says_what_they_were(bash, given_words):
    printed = call(bash, PRINT_JSON, *given_words).stdout.split(b"\n")[:-1]
    for word, line in zip(given_words, printed, strict=True):
        text = json.loads(line)
        try:
            assert text == word.decode()
        except UnicodeDecodeError:
            assert "\\x" in text


@calm
@given(words)
def test_a_request_is_read_as_it_was_built_and_what_follows_is_left(bash, given_words):
    rest = b"tar\0stream\n\xff"
    script = 'main() { read_request; reply "${words[@]}" | cat; exec cat; }; main; exit'
    request = build_request(NONCE, [b"one", *given_words])
    done = call(bash, script, stdin=request + rest)
    stream = io.BytesIO(done.stdout)
    assert next(iter(read_frames(stream, NONCE))) == [b"one", *given_words]
    assert done.stdout.endswith(b"\n" + rest)


@pytest.mark.parametrize("cut", [0, 1, 3, 20, 40])
def test_a_request_that_was_cut_short_is_refused(bash, cut):
    request = build_request(NONCE, [b"a word", b"another"])
    done = call(bash, 'read_request; printf "went on"', stdin=request[: -cut - 1])
    assert done.returncode == 64
    assert done.stdout == b""


@calm
@given(st.dictionaries(st.text(max_size=6), values, max_size=4), st.data())
def test_a_json_object_is_whole_or_it_is_not(bash, tmp_path, value, data):
    text = json.dumps(
        value, indent=data.draw(st.sampled_from([None, 1])), ensure_ascii=data.draw(st.booleans())
    )
    text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    cut = data.draw(st.integers(0, len(text) - 1))
    cases = [(text, True), (text + "\n", True), (text[:cut], False), (text + "x", False)]
    cases += [(text + text, False), ("[" + text + "]", False), ("x" + text, False)]
    for number, (content, _) in enumerate(cases):
        (tmp_path / str(number)).write_text(content)
    script = 'for file in "$@"; do whole_json "$file"; printf "%d\\n" "$?"; done'
    printed = call(bash, script, *map(str, range(len(cases))), cwd=tmp_path).stdout
    said = [line == b"0" for line in printed.split()]
    assert said == [right for _, right in cases], cases


def test_the_first_record_stands_and_the_second_says_so(bash, tmp_path):
    script = 'publish_once a/r "$1"; printf "%d " "$?"; publish_once a/r other; printf "%d" "$?"'
    (tmp_path / "a").mkdir()
    done = call(bash, script, 'two\nlines "and" \\', cwd=tmp_path)
    first, second = done.stdout.split()
    assert first == b"0"
    assert second != b"0"
    assert (tmp_path / "a/r").read_text() == 'two\nlines "and" \\\n'
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["r"]


def test_one_of_many_writers_publishes_and_the_others_know(bash, tmp_path):
    script = 'publish_once r "$1" && printf won'
    text = read_text("lib.sh").decode() + script
    writers = [
        subprocess.Popen([bash, "-c", text, "lib.sh", str(n)], cwd=tmp_path, stdout=subprocess.PIPE)
        for n in range(24)
    ]
    won = [n for n, writer in enumerate(writers) if writer.communicate()[0] == b"won"]
    assert len(won) == 1
    assert (tmp_path / "r").read_text() == f"{won[0]}\n"


def test_a_full_disk_gives_up_its_reserve_for_the_record(bash, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        (tmp_path / "control").mkdir()
        (tmp_path / "control/reserve").write_bytes(b"x" * 65536)
        script = "head -c 1M /dev/zero >fill 2>/dev/null; publish r 'the record'; exit $?"
        done = call(bash, script, cwd=tmp_path)
        assert done.returncode == 0
        assert (tmp_path / "r").read_text() == "the record\n"
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=False)


def test_a_process_is_known_by_its_birth_and_whatever_its_name(bash):
    # the name holds what ends a name
    name = "a) R 1 1 (x"
    folder = Path(tempfile.mkdtemp())
    program = folder / name
    shutil.copy("/bin/sleep", program)
    sleeper = subprocess.Popen([str(program), "30"])
    try:
        stat = Path(f"/proc/{sleeper.pid}/stat").read_text()
        ticks = stat.rpartition(")")[2].split()[19]
        script = 'read_stat "$1"; printf "%s " "$stat_ticks" "$stat_ppid"; '
        script += 'same_process "$1" "$2" && printf same; same_process "$1" 1 || printf " other"'
        done = call(bash, script, str(sleeper.pid), ticks)
        assert done.stdout.decode() == f"{ticks} {os.getpid()} same other"
    finally:
        sleeper.kill()
        sleeper.wait()
        shutil.rmtree(folder)


def test_the_environment_is_taken_and_given_back(bash):
    script = 'umask; restore_environment; umask; printf "%s\\n" "$PATH" "${LC_ALL-unset}"'
    old = os.umask(0o027)
    try:
        done = call(bash, script)
    finally:
        os.umask(old)
    ours, theirs, path, locale = done.stdout.decode().splitlines()
    assert (ours, theirs) == ("0077", "0027")
    assert (path, locale) == (os.environ["PATH"], os.environ["LC_ALL"])


@calm
@given(words)
def test_words_of_a_reply_come_in_pairs_and_are_never_mixed_up(bash, given_words):
    done = call(bash, 'nonce=$1; shift; reply "$@"', NONCE, b"key", *given_words)
    head, body = done.stdout.split(b"\n")[:2]
    assert head.startswith(b"RR1 " + NONCE.encode())
    assert base64.b64decode(body).split(b"\0")[:-1] == [b"key", *given_words]
    assert list(pairs([b"a", b"b", b"c"])) == [("a", "b")]
