"""Reading the settings files. Every bad file ends in one error that says where and why."""

import os
import re
import resource
import textwrap
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remoterun.errors import ConfigError
from remoterun.model.inventory import HostKind
from remoterun.records.config import MAX_BYTES, read_configuration, read_inventory, read_project
from remoterun.records.yaml_source import MAX_DEPTH, MAX_VALUES, BadYaml, parse_yaml

ROOT = Path(__file__).parents[2]
P = "version: 1\nproject: p\n"
W = P + "workflows:\n  w:\n    command: [python, run.py]\n"
V1 = "version: 1\n"


def refusal(folder: Path, text: str | bytes, read=read_project) -> ConfigError:
    path = folder / ("remoterun.yaml" if read is read_project else "inventory.yaml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert caught.value.where.startswith(str(path))
    return caught.value


def place_of(error: ConfigError) -> str:
    line, column = re.search(r", line ([0-9]+), column ([0-9]+)", error.where).groups()
    return f"{line}:{column}"


def everything(error: ConfigError) -> str:
    return "\n".join([error.what, error.where, error.why, error.fix])


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (W + "    theads: 4\n", "6:5", ["`theads`", "known keys: command", "`threads`?"]),
        (W + "    min_cores: 4\n", "6:5", ["belongs under `preflight`"]),
        (P + "prefligth: {}\n", "3:1", ["did you mean `preflight`?"]),
        (P + "zzz: {}\n", "3:1", ["`zzz`", "known keys: version, project, owner"]),
        (P + "project: q\n", "3:1", ["`project` stands here twice", "line 2"]),
        (P + "owner: 0123\n", "3:8", ["`0123`", "a number", 'quotes: "0123"']),
        (P + "owner: true\n", "3:8", ["`true`", "true or false", "text"]),
        (P + "owner: ''\n", "3:8", ["not empty"]),
        (P + "owner: [a]\n", "3:8", ["a list", "allowed: text"]),
        (P + "preflight:\n", "3:1", ["`preflight` is nothing", "remove `preflight:`"]),
        (P + "preflight: {require_clean: no}\n", "3:28",
         ["`no`", "read as text", "require_clean: false"]),
        (P + "preflight: {require_clean: 1}\n", "3:28", ["`true` or `false`"]),
        (P + 'preflight: {min_cores: "8"}\n', "3:24", ["remove the quotes"]),
        (P + "preflight: {min_cores: eight}\n", "3:24", ["`eight`", "a whole number"]),
        (P + "preflight: {min_cores: 1.5}\n", "3:24", ["`1.5`", "a whole number"]),
        (P + "preflight: {min_cores: -1}\n", "3:24", ["`-1`", "0 or more"]),
        (P + "preflight: {min_memory: 60 gigs}\n", "3:25", ["`60 gigs`", "60GiB"]),
        (P + "preflight: {max_load_per_core: .inf}\n", "3:32", ["`.inf`", "finite"]),
        (P + "preflight: {deadline: 1:30:00}\n", "3:23", ["`1:30:00`", "1h30m"]),
        (P + "paths: {runs: ../x}\n", "3:15", ["`../x`", "inside the project"]),
        (P + "workflows:\n  Bad Name: {command: [a]}\n", "4:3", ["`Bad Name`", "a-z"]),
        (P + "workflows:\n  adhoc: {command: [a]}\n", "4:10", ["`adhoc`", "another name"]),
        (P + "workflows:\n  w:\n    threads: 1\n", "4:3", ["`command` is missing"]),
        (P + "workflows: {w: {command: python x}}\n", "3:26", ["a list, like `[a, b]`"]),
        (P + "workflows: {w: {command: []}}\n", "3:26", ["at least 1"]),
        (P + "workflows: {w: {command: ['']}}\n", "3:27", ["names no program"]),
        (P + "workflows: {w: {command: [a, 5]}}\n", "3:30", ["`5`", 'quotes: "5"']),
        (W + "    hosts: [local]\n    default_host: lcal\n", "7:19", ["`lcal`", "`local`?"]),
        (W + "    threads: 0\n", "6:14", ["`0`", "1 or more"]),
        (W + "    limits: {time: 0s}\n", "6:20", ["`0s`", "more than 0"]),
        (W + "    outputs: [a, /b]\n", "6:18", ["`/b`", "relative"]),
        (W + "    report: 5\n", "6:13", ["`5`", "text"]),
        (W + "    parameters: {a: {b: 1}}\n", "6:21", ["a parameter is text, a number"]),
        (W + "    parameters: {a: .nan}\n", "6:21", ["JSON cannot hold"]),
        (W + "    progress: {patterns: ['(']}\n", "6:27", ["`(`", "regular expression"]),
        (W + "    progress: {patterns: ['\\d+']}\n", "6:27", ["done", "target", "pct"]),
        (W + "    progress: {milestones: ['[']}\n", "6:29", ["regular expression"]),
        (W + "    data_quality: {max_missing_ratio: 5%}\n", "6:39", ["`5%`", "a number"]),
        (W + "    data_quality: {max_missing_ratio: 1.5}\n", "6:39", ["`1.5`", "1"]),
        (W + "    data_quality: {key_columns: [a, a]}\n", "6:33", ["`a` stands here twice"]),
        ("version: 2\nproject: p\n", "1:10", ["`2`", "allowed: 1"]),
        ("version: 1\n", "1:1", ["`project` is missing", "name of the project"]),
        ("- a\n", "1:1", ["not a map", "a list"]),
        ("just words", "1:1", ["not a map", "`just words`"]),
        ("", "1:1", ["empty"]),
        ("# nothing but a comment\n", "1:1", ["empty"]),
        (P + "---\nproject: q\n", "3:1", ["second document"]),
        (P + "owner:\n\tname\n", "4:1", ["a tab", "spaces"]),
        (P + "owner: {a: 1\n", "4:1", ["not YAML"]),
        (P + "owner: !!python/object/apply:os.system [id]\n", "3:8", ["tag", "os.system"]),
        (P + "owner: !!str 5\n", "3:8", ["tag", "quotes"]),
        (P + "<<: {owner: x}\n", "3:1", ["merge key", "groups"]),
        (P + "owner: *who\n", "3:8", ["`*who`", "no anchor"]),
        (P + "owner: &o [*o]\n", "3:12", ["`*o`", "no anchor"]),
        (P + "? [a, b]\n: c\n", "3:3", ["a key must be a word"]),
        (P + "owner: a\0b\n", "3:9", ["U+0000"]),
        (P + 'owner: "a\\0b"\n', "3:8", ["without NUL"]),
        (P + 'owner: "\\ud800"\n', "3:8", ["surrogate"]),
        (P + "owner: " + "9" * 5000, "3:8", ["5000", "text needs quotes"]),
        (P.encode() + b"owner: J\xf6rg\n", "3:9", ["0xf6", "UTF-8"]),
        (P.encode("utf-16"), "1:1", ["0xff", "UTF-8"]),
        (P.encode() + b"owner: \xed\xa0\x80\n", "3:8", ["UTF-8"]),
    ],
)  # fmt: skip
def test_a_wrong_project_file_is_refused_with_its_place_its_value_and_what_is_allowed(
    tmp_path, text, place, said
):
    error = refusal(tmp_path, text)
    assert place_of(error) == place
    for word in said:
        assert word in everything(error)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (V1 + "hosts:\n  ws1: {kind: ssh}\n", "3:15", ["`ssh`", "only `local`"]),
        (V1 + "hosts:\n  ws1: {kind: 5}\n", "3:15", ["`5`", "only `local`"]),
        (V1 + "hosts:\n  ws1: {root: /x}\n", "3:3", ["`kind` is missing"]),
        (V1 + "hosts:\n  ws1: {kind: local, ssh: x}\n", "3:22", ["`ssh`"]),
        (V1 + "hosts:\n  w 1: {kind: local}\n", "3:3", ["`w 1`", "A-Z"]),
        (V1 + "groups: {gpu: {}}\nhosts:\n  a: {kind: local, groups: [gpus]}\n",
         "4:29", ["`gpus`", "known are `gpu`", "did you mean `gpu`?"]),
        (V1 + "groups: {gpu: {kind: local}}\n", "2:16", ["`kind`", "groups.gpu"]),
        (V1 + "defaults: {monitor: {interval: 0}}\n", "2:32", ["`0`", "more than 0"]),
        (V1 + "defaults: {setup: no}\nhosts: 5\n", "3:8", ["`5`", "a map"]),
    ],
)  # fmt: skip
def test_a_wrong_inventory_is_refused_the_same_way(tmp_path, text, place, said):
    error = refusal(tmp_path, text, read_inventory)
    assert place_of(error) == place
    for word in said:
        assert word in everything(error)


def test_the_first_of_several_problems_is_told_and_the_others_are_counted(tmp_path):
    error = refusal(tmp_path, "version: 1\nownr: x\npaths: {run: y}\nproject: 5\n")
    assert place_of(error) == "2:1"
    assert "problems in this file: 3" in error.why


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "[" * MAX_BYTES,
        "- " * (MAX_BYTES // 2),
        "? " * (MAX_BYTES // 2),
        "{a: " * (MAX_BYTES // 4),
        "- a\n" * (MAX_BYTES // 4),
        "\n".join(f"k{i}: v" for i in range(MAX_VALUES)),
        "[" + "a," * (MAX_BYTES // 2 - 1),
        '"' + "a " * (MAX_BYTES // 2 - 1),
        "&" * MAX_BYTES,
        "*" * MAX_BYTES,
        "%" * MAX_BYTES,
        "\n" * MAX_BYTES,
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [*{a},*{a}]\n" for a, b in pairwise("abcdefghijklmnopqrst")),
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghij")),
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_junk_and_bombs_are_refused_in_bounded_time_and_memory(tmp_path, text):
    before = resource.getrusage(resource.RUSAGE_SELF)
    refusal(tmp_path, text)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime - before.ru_utime < 10
    assert after.ru_maxrss - before.ru_maxrss < 128 * 1024


def test_a_file_larger_than_the_limit_is_refused_unread(tmp_path):
    error = refusal(tmp_path, P + "#" * MAX_BYTES)
    assert "too large" in error.what
    assert "256 KiB" in error.why


def test_aliases_within_the_limits_are_read_as_if_written_out(tmp_path):
    path = tmp_path / "inventory.yaml"
    path.write_text(
        "version: 1\ndefaults: {preflight: &small {min_cores: 2}}\n"
        "groups: {g: {preflight: *small}}\n"
    )
    assert read_inventory(path).settings.groups["g"].preflight.min_cores == 2


def test_the_words_of_yaml_1_1_stay_text(tmp_path):
    path = tmp_path / "remoterun.yaml"
    path.write_text(
        W + "    parameters: {a: no, b: on, c: 1:30:00, d: 2026-01-01, e: 1_000, f: 010,"
        " g: 0o10, h: yes, y: 1e3, n: ~}\n"
    )
    parameters = read_project(path).settings.workflows["w"].parameters
    assert parameters == {
        "a": "no",
        "b": "on",
        "c": "1:30:00",
        "d": "2026-01-01",
        "e": "1_000",
        "f": 10,
        "g": 8,
        "h": "yes",
        "y": 1000.0,
        "n": None,
    }


def test_a_directory_in_place_of_the_file_is_one_clear_error(tmp_path):
    (tmp_path / "remoterun.yaml").mkdir()
    with pytest.raises(ConfigError, match="is a directory"):
        read_configuration(tmp_path, {}, None, None)


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "inventory.yaml")
    started = time.monotonic()
    with pytest.raises(ConfigError, match="no regular file"):
        read_inventory(tmp_path / "inventory.yaml")
    assert time.monotonic() - started < 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_one_clear_error(tmp_path):
    path = tmp_path / "inventory.yaml"
    path.write_text(V1)
    path.chmod(0)
    with pytest.raises(ConfigError) as caught:
        read_inventory(path)
    assert "Permission denied" in caught.value.why


def test_a_file_that_cannot_be_opened_is_one_clear_error(tmp_path):
    loop = tmp_path / "inventory.yaml"
    loop.symlink_to(loop)
    with pytest.raises(ConfigError) as caught:
        read_inventory(loop)
    assert "symbolic links" in caught.value.why


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab:-[]{},&*!|>'\"%@`#? \n\t0\\\u00e4\u2028\ufeff"), max_size=60))
def test_no_text_whatever_ends_in_anything_but_values_or_a_refusal(text):
    try:
        document = parse_yaml(text)
    except BadYaml:
        return
    assert document.values[()].line >= 1


def test_a_nest_as_deep_as_allowed_is_read():
    assert parse_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH).data is not None
    with pytest.raises(BadYaml, match="deep"):
        parse_yaml("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2))


class TestWhereTheFilesAreLookedFor:
    @pytest.fixture
    def tree(self, tmp_path):
        for folder in ("home/.config/remoterun", "xdg/remoterun", "p/sub/deep", "other"):
            (tmp_path / folder).mkdir(parents=True)
        (tmp_path / "p/remoterun.yaml").write_text(P)
        (tmp_path / "other/remoterun.yaml").write_text(P)
        (tmp_path / "other/inventory.yaml").write_text(V1)
        return tmp_path

    def find(self, tree, cwd="p/sub/deep", environ=(), inventory=None, project=None):
        environ = {"HOME": str(tree / "home"), **dict(environ)}
        places = read_configuration(tree / cwd, environ, inventory, project).places
        relative = [p and str(p.relative_to(tree)) for p in (places.project, places.inventory)]
        return *relative, places.looked

    def test_the_project_is_found_upwards_and_no_inventory_is_no_error(self, tree):
        project, inventory, looked = self.find(tree)
        assert (project, inventory) == ("p/remoterun.yaml", None)
        assert [look.path for look in looked if look.kind == "project"] == [
            tree / "p/sub/deep/remoterun.yaml",
            tree / "p/sub/remoterun.yaml",
            tree / "p/remoterun.yaml",
        ]
        assert looked[-1].path == tree / "home/.config/remoterun/inventory.yaml"
        assert [look.found for look in looked].count(True) == 1

    @pytest.mark.parametrize(
        "places",
        [
            ["p/inventory.yaml", "inventory.yaml", "xdg/remoterun/inventory.yaml"],
            ["inventory.yaml", "xdg/remoterun/inventory.yaml"],
            ["xdg/remoterun/inventory.yaml", "home/.config/remoterun/inventory.yaml"],
        ],
    )
    def test_the_inventory_nearest_to_the_project_wins(self, tree, places):
        for place in [*places, "p/sub/inventory.yaml"]:
            (tree / place).write_text(V1)
        assert self.find(tree, environ={"XDG_CONFIG_HOME": str(tree / "xdg")})[1] == places[0]

    def test_a_relative_xdg_folder_is_ignored_and_home_is_used(self, tree):
        (tree / "home/.config/remoterun/inventory.yaml").write_text(V1)
        found = self.find(tree, environ={"XDG_CONFIG_HOME": "xdg"})[1]
        assert found == "home/.config/remoterun/inventory.yaml"

    def test_an_option_wins_over_a_variable_and_a_variable_over_the_search(self, tree):
        variables = {
            "REMOTERUN_PROJECT": str(tree / "other"),
            "REMOTERUN_INVENTORY": str(tree / "other/inventory.yaml"),
        }
        by_variable = self.find(tree, environ=variables)[:2]
        assert by_variable == ("other/remoterun.yaml", "other/inventory.yaml")
        (tree / "p/mine.yaml").write_text(V1)
        options = {"inventory": tree / "p/mine.yaml", "project": tree / "p"}
        assert self.find(tree, environ=variables, **options)[:2] == (
            "p/remoterun.yaml",
            "p/mine.yaml",
        )

    def test_a_relative_option_starts_at_the_working_directory(self, tree):
        found = self.find(
            tree, "p", project=Path("../other"), inventory=Path("../other/inventory.yaml")
        )
        assert found[:2] == ("other/remoterun.yaml", "other/inventory.yaml")

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"inventory": Path("nope.yaml")}, "-i/--inventory"),
            ({"project": Path("nope")}, "-C/--project"),
            ({"environ": {"REMOTERUN_INVENTORY": "nope.yaml"}}, "REMOTERUN_INVENTORY"),
            ({"environ": {"REMOTERUN_PROJECT": "nope"}}, "REMOTERUN_PROJECT"),
        ],
    )
    def test_a_named_file_that_is_missing_is_an_error_that_says_who_named_it(
        self, tree, given, said
    ):
        with pytest.raises(ConfigError) as caught:
            self.find(tree, **given)
        assert said in caught.value.why
        assert "nope" in caught.value.where


def test_the_example_inventory_has_every_key_once_and_is_right(tmp_path):
    text = (ROOT / "inventory.example.yaml").read_text()
    found = read_inventory(ROOT / "inventory.example.yaml")
    assert found.settings.hosts["local"].kind is HostKind.LOCAL
    written = sorted(str(loc[-1]) for loc in found.lines if str(loc[-1]) not in ("local", "conda"))
    assert written == sorted(keys_of_the_inventory())
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith(("#", "conda", ". ", "hosts:", "conda:")):
            assert "#" in line, f"no comment on {stripped}"


def keys_of_the_inventory() -> list[str]:
    from remoterun.model.inventory import Host, Inventory, MonitorSettings, PreflightPolicy

    models = (Inventory, Host, PreflightPolicy, MonitorSettings)
    return [key for model in models for key in model.model_fields]


def test_the_text_of_a_long_setup_is_kept_line_for_line(tmp_path):
    path = tmp_path / "inventory.yaml"
    path.write_text(
        textwrap.dedent("""\
            version: 1
            defaults:
              setup: |
                module load cuda
                conda activate "x y"
            """)
    )
    setup = read_inventory(path).settings.defaults.setup
    assert setup == 'module load cuda\nconda activate "x y"\n'
