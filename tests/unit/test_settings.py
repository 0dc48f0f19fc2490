"""Layers, origins, what the environment and `--set` may say, and what that loosens."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remoterun.errors import ConfigError, UsageError
from remoterun.model.inventory import PreflightPolicy
from remoterun.model.names import HostName, WorkflowName
from remoterun.model.project import DataQualityPolicy, ResolvedSettings, Workflow
from remoterun.model.units import GIB, format_bytes, gib_ceil
from remoterun.records.config import read_inventory, read_project
from remoterun.rules.loosening import LOOSER, Loosening, loosened
from remoterun.rules.overrides import (
    CONTRACT,
    ENVIRONMENT,
    from_contract,
    from_environment,
    from_set,
)
from remoterun.rules.settings import Layer, choose_host, expand_root, merge, resolve

ROOT = Path(__file__).parents[2]
WS1, LOCAL, GATES = HostName("ws1"), HostName("local"), WorkflowName("gates")

INVENTORY = """\
version: 1
defaults:
  preflight: {min_cores: 4, min_disk_free: 1GiB}
  monitor: {interval: 10s}
  setup: from defaults
groups:
  g: {preflight: {min_memory: 2GiB}, monitor: {interval: 20s}}
  h: {monitor: {interval: 40s}}
hosts:
  ws1:
    kind: local
    groups: [g, h]
    root: $SCRATCH/x
    preflight:
      min_cores: 2
      min_disk_free: null
"""
PROJECT = """\
version: 1
project: p
preflight: {require_clean: true, min_cores: 3}
workflows:
  gates:
    command: [a]
    threads: 2
    preflight: {min_gpus: 1}
    data_quality: {required_columns: [date, score], max_missing_ratio: 0.1}
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "remoterun.yaml").write_text(PROJECT)
    return read_inventory(tmp_path / "inventory.yaml"), read_project(tmp_path / "remoterun.yaml")


LEAVES = st.one_of(st.integers(), st.none(), st.lists(st.integers(), max_size=2).map(tuple))
TREES = st.recursive(
    st.dictionaries(st.sampled_from("abc"), LEAVES, max_size=3),
    lambda trees: st.dictionaries(st.sampled_from("xyz"), trees, max_size=3),
)


@given(st.lists(TREES, max_size=5))
def test_merging_is_the_same_as_asking_the_layers_from_the_last_to_the_first(trees):
    layers = [Layer(tree, f"layer {i}") for i, tree in enumerate(trees)]
    values, origins = merge(layers)
    flat = [dict(leaves(tree)) for tree in trees]
    assert dict(leaves(values)) == {
        path: next(layer[path] for layer in reversed(flat) if path in layer)
        for path in {path for layer in flat for path in layer}
    }
    assert origins == {
        path: f"layer {max(i for i, layer in enumerate(flat) if path in layer)}"
        for path in {path for layer in flat for path in layer}
    }


def leaves(tree, prefix=""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def test_every_layer_wins_over_those_before_it_and_is_named_as_the_origin(files):
    inventory, project = files
    overrides = [
        *from_environment({"MIN_CORES": "5", "THREADS": "6", "UNRELATED": "x"}),
        from_set("preflight.min_gpus=2"),
    ]
    resolved = resolve(WS1, inventory, project, GATES, overrides)

    preflight = resolved.policy.preflight
    assert (preflight.min_cores, preflight.min_memory, preflight.min_disk_free) == (
        3,
        2 * GIB,
        None,
    )
    assert (preflight.require_clean, preflight.min_gpus) == (True, 1)
    assert resolved.policy.monitor.interval == 40
    assert resolved.policy.data_quality.required_columns == ("date", "score")
    assert resolved.policy.threads == 2
    assert (resolved.used.preflight.min_cores, resolved.used.preflight.min_gpus) == (5, 2)
    assert resolved.used.threads == 6

    assert {key: resolved.origins[key] for key in ORIGINS} == ORIGINS
    assert resolved.policy_origins["preflight.min_cores"] == "remoterun.yaml:3"
    assert set(resolved.origins) == {key for key, _ in leaves(ResolvedSettings().model_dump())}


ORIGINS = {
    "preflight.deadline": "built-in",
    "setup": "inventory.yaml:5 defaults",
    "preflight.min_memory": "inventory.yaml:7 groups.g",
    "monitor.interval": "inventory.yaml:8 groups.h",
    "root": "inventory.yaml:13 hosts.ws1",
    "preflight.min_disk_free": "inventory.yaml:16 hosts.ws1",
    "preflight.require_clean": "remoterun.yaml:3",
    "data_quality.required_columns": "remoterun.yaml:9 workflows.gates",
    "preflight.min_cores": "environment MIN_CORES",
    "threads": "environment THREADS",
    "preflight.min_gpus": "--set",
}


def test_without_an_inventory_local_asks_for_one_core_and_one_gib():
    resolved = resolve(LOCAL, None)
    assert (resolved.policy.preflight.min_cores, resolved.policy.preflight.min_memory) == (1, GIB)
    assert resolved.origins["preflight.min_cores"] == "built-in hosts.local"


def test_local_exists_also_beside_an_inventory_that_does_not_list_it(files):
    resolved = resolve(LOCAL, files[0])
    assert resolved.policy.preflight.min_cores == 1
    assert resolved.policy.monitor.interval == 10


def test_an_unknown_host_or_workflow_is_a_usage_error_with_the_nearest_name(files):
    with pytest.raises(UsageError) as caught:
        resolve(HostName("ws2"), files[0])
    assert "`ws1`" in caught.value.fix
    with pytest.raises(UsageError) as caught:
        resolve(WS1, files[0], files[1], WorkflowName("gate"))
    assert "`gates`" in caught.value.fix


@pytest.mark.parametrize(
    ("hosts", "default", "asked", "chosen"),
    [
        ((), None, None, "local"),
        ((), None, "ws1", "ws1"),
        (("ws1",), None, None, "ws1"),
        (("ws1", "ws2"), "ws2", None, "ws2"),
        (("ws1", "ws2"), "ws2", "ws1", "ws1"),
        ((), "ws1", None, "ws1"),
        (("ws1", "ws2"), None, None, None),
        (("ws1",), None, "ws2", None),
    ],
)
def test_the_host_of_a_new_run_is_decided_by_the_first_rule_that_applies(
    hosts, default, asked, chosen
):
    workflow = Workflow(command=("a",), hosts=hosts, default_host=default)
    host = HostName(asked) if asked else None
    if chosen is None:
        with pytest.raises(UsageError, match=r"ws2|several"):
            choose_host(GATES, workflow, host)
    else:
        assert choose_host(GATES, workflow, host) == chosen


ENVIRON = {"HOME": "/home/hui", "SCRATCH": "/scratch/hui", "EMPTY": ""}


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("~", "/home/hui"),
        ("~/projects/x", "/home/hui/projects/x"),
        ("$SCRATCH/x", "/scratch/hui/x"),
        ("${SCRATCH}/a b/$HOME", "/scratch/hui/a b//home/hui"),
        ("/a/~/b", "/a/~/b"),
        ("/a/$$/$1", "/a/$$/$1"),
    ],
)
def test_a_root_is_expanded(root, path):
    assert expand_root(root, ENVIRON, "inventory.yaml:3") == path


@pytest.mark.parametrize(
    ("root", "said"),
    [
        ("$NOPE/x", "`NOPE`"),
        ("/x/${NOPE}", "`NOPE`"),
        ("$EMPTY/x", "`EMPTY`"),
        ("projects", "absolute"),
        ("~hui/x", "absolute"),
        ("./x", "absolute"),
    ],
)
def test_a_root_that_cannot_be_expanded_names_the_variable_and_the_line(root, said):
    with pytest.raises(ConfigError) as caught:
        expand_root(root, ENVIRON, "inventory.yaml:3 hosts.ws1")
    assert said in caught.value.why
    assert caught.value.where == "inventory.yaml:3 hosts.ws1"


@pytest.mark.parametrize(
    ("name", "text", "setting", "value"),
    [
        ("THREADS", "16", "threads", 16),
        ("REQUIRE_CLEAN", "1", "preflight.require_clean", True),
        ("REQUIRE_CLEAN", "0", "preflight.require_clean", False),
        ("MIN_CORES", "0", "preflight.min_cores", 0),
        ("MIN_MEM_GB", "30", "preflight.min_memory", 30 * GIB),
        (
            "DQ_REQUIRED_COLUMNS",
            "date, ticker",
            "data_quality.required_columns",
            ("date", "ticker"),
        ),
        ("DQ_NUMERIC_COLUMNS", "score", "data_quality.numeric_columns", ("score",)),
        ("DQ_KEY_COLUMNS", "date,ticker", "data_quality.key_columns", ("date", "ticker")),
        ("DQ_DATE_COLUMN", "day", "data_quality.date_column", "day"),
        ("DQ_MIN_ROWS", "5000", "data_quality.min_rows", 5000),
        ("DQ_MAX_MISSING_RATIO", "0.01", "data_quality.max_missing_ratio", 0.01),
        ("DQ_MAX_DUPLICATE_RATIO", "1e-3", "data_quality.max_duplicate_ratio", 0.001),
        ("DQ_MAX_STALENESS_DAYS", "0.5", "data_quality.max_staleness", 43200),
    ],
)
def test_a_variable_sets_its_setting_with_the_units_of_the_contract(name, text, setting, value):
    (override,) = from_environment({name: text})
    assert (override.setting, override.value) == (setting, value)
    assert override.origin == f"environment {name}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *[("THREADS", text) for text in ("0", "-1", "two", "1.5", "٣", " 1", "9" * 30)],
        *[("REQUIRE_CLEAN", text) for text in ("yes", "true", "2", " ")],
        *[("MIN_CORES", text) for text in ("-1", "8.0", "eight")],
        *[("MIN_MEM_GB", text) for text in ("60GiB", "-1", "1.5", "9" * 18)],
        *[("DQ_KEY_COLUMNS", text) for text in ("a,,b", ",", "a,a", "\udc80")],
        ("DQ_DATE_COLUMN", "\udc80"),
        *[("DQ_MIN_ROWS", text) for text in ("-1", "1e3", "ten")],
        *[("DQ_MAX_MISSING_RATIO", text) for text in ("1.1", "-0.1", "nan", "inf", "5%")],
        *[("DQ_MAX_STALENESS_DAYS", text) for text in ("-1", "7d", "nan", "1e9")],
    ],
)
def test_a_bad_variable_is_a_usage_error_that_names_it_and_no_zero(name, text):
    with pytest.raises(UsageError) as caught:
        from_environment({name: text})
    assert name in caught.value.where
    assert caught.value.why


def test_an_empty_variable_counts_as_not_set():
    assert from_environment(dict.fromkeys(ENVIRONMENT, "")) == []


def test_every_name_of_the_contract_reads_something():
    texts = {"threads": "2", "refuse_other_runs": "1", "require_clean": "1", "date_column": "d"}
    for name, (setting, _) in CONTRACT.items():
        assert from_contract(name, texts.get(name, "1"), f"--{name}").setting == setting


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("preflight.min_memory=30GiB", 30 * GIB),
        ("preflight.min_disk_free=null", None),
        ("preflight.require_clean=false", False),
        ("preflight.max_load_per_core=2", 2.0),
        ("data_quality.max_staleness=3650d", 3650 * 86400),
        ("data_quality.key_columns=date,ticker", ("date", "ticker")),
        ("data_quality.key_columns=", ()),
        ("data_quality.date_column=2024", "2024"),
        ("data_quality.date_column=a=b", "a=b"),
        ("data_quality.na_values=NA,null", ("NA", "null")),
    ],
)
def test_set_reads_values_as_the_yaml_files_would(text, value):
    override = from_set(text)
    assert override.value == value
    assert override.setting == text.partition("=")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("preflight.min_coers=2", "did you mean `preflight.min_cores`?"),
        ("min_cores=2", "preflight.min_cores"),
        ("preflight=2", "GATE.KEY=VALUE"),
        ("preflight.min_cores", "GATE.KEY=VALUE"),
        ("code.same_commit=false", "known settings"),
        ("preflight.min_cores=eight", "a whole number"),
        ("preflight.min_cores=null", "a whole number"),
        ("preflight.require_clean=no", "`true` or `false`"),
        ("preflight.min_memory=-1", "60GiB"),
        ("data_quality.max_missing_ratio=2", "or less"),
        ("data_quality.key_columns=a,a", "twice"),
        ("data_quality.key_columns=\udc80", "UTF-8"),
    ],
)
def test_a_bad_set_is_a_usage_error_that_says_what_is_allowed(text, said):
    with pytest.raises(UsageError) as caught:
        from_set(text)
    assert said in f"{caught.value.why} {caught.value.fix}"


def preflight(**values) -> ResolvedSettings:
    return ResolvedSettings(preflight=PreflightPolicy(**values))


def data_quality(**values) -> ResolvedSettings:
    return ResolvedSettings(data_quality=DataQualityPolicy(**values))


@pytest.mark.parametrize(
    ("policy", "used", "expected"),
    [
        (preflight(min_memory="60GiB"), preflight(min_memory="30GiB"),
         ("preflight.min_memory", "60GiB", "30GiB")),
        (preflight(min_memory="59.5GiB"), preflight(min_memory="59.1GiB"), None),
        (preflight(min_disk_free="20GiB"), preflight(), ("preflight.min_disk_free", "20GiB", None)),
        (preflight(max_load_per_core=1.5), preflight(), ("preflight.max_load_per_core", 1.5, None)),
        (preflight(), preflight(max_load_per_core=9.5), None),
        (preflight(require_clean=True), preflight(), ("preflight.require_clean", True, False)),
        (preflight(deadline="5m"), preflight(deadline="1h"), None),
        (data_quality(required_columns=["a", "b"]), data_quality(required_columns=["b"]),
         ("data_quality.required_columns", ["a", "b"], ["b"])),
        (data_quality(required_columns=["a"]), data_quality(required_columns=["b", "a"]), None),
        (data_quality(key_columns=["a"]), data_quality(key_columns=["a", "b"]),
         ("data_quality.key_columns", ["a"], ["a", "b"])),
        (data_quality(key_columns=["a", "b"]), data_quality(key_columns=["b", "a"]), None),
        (data_quality(date_column="a"), data_quality(), ("data_quality.date_column", "a", None)),
        (data_quality(), data_quality(date_column="a"), None),
        (data_quality(max_staleness="7d"), data_quality(max_staleness="3650d"),
         ("data_quality.max_staleness", "7d", "3650d")),
        (data_quality(), data_quality(missing_columns=["a"]),
         ("data_quality.missing_columns", [], ["a"])),
        (data_quality(missing_columns=["a"]), data_quality(), None),
        (data_quality(na_values=["NA"]), data_quality(), ("data_quality.na_values", ["NA"], [])),
        (data_quality(), data_quality(na_values=["NA"]), None),
        (data_quality(required=True), data_quality(), ("data_quality.required", True, False)),
        (data_quality(), data_quality(pin_limit=0, deadline=1), None),
    ],
)  # fmt: skip
def test_a_looser_threshold_is_told_with_both_values_as_yaml_would_say_them(policy, used, expected):
    assert loosened(policy, used) == ([Loosening(*expected)] if expected else [])


GIBS = st.integers(0, 4 * 1024).map(lambda mib: format_bytes(mib * 2**20))
POLICIES = st.builds(
    PreflightPolicy,
    min_cores=st.integers(0, 3),
    min_memory=GIBS,
    min_disk_free=st.none() | GIBS,
    min_gpus=st.integers(0, 2),
    max_load_per_core=st.none() | st.sampled_from([0.5, 1.0, 2.0]),
    refuse_other_runs=st.booleans(),
    require_clean=st.booleans(),
)
MACHINES = st.fixed_dictionaries(
    {
        "cores": st.integers(0, 4),
        "memory_gb": st.integers(0, 5),
        "disk_free_gb": st.none() | st.integers(0, 5),
        "gpus": st.integers(0, 2),
        "load": st.none() | st.sampled_from([0.2, 0.7, 1.5, 3.0]),
        "others": st.booleans(),
        "dirty": st.booleans(),
    }
)


def fit(machine, policy: PreflightPolicy) -> bool:
    disk, load = machine["disk_free_gb"], machine["load"]
    needed = gib_ceil(policy.min_disk_free or 0)
    return (
        machine["cores"] >= policy.min_cores
        and machine["memory_gb"] >= gib_ceil(policy.min_memory)
        and (needed == 0 or (disk is not None and disk >= needed))
        and machine["gpus"] >= policy.min_gpus
        and (
            policy.max_load_per_core is None
            or (load is not None and load <= policy.max_load_per_core)
        )
        and not (policy.refuse_other_runs and machine["others"])
        and not (policy.require_clean and machine["dirty"])
    )


@settings(max_examples=500)
@given(POLICIES, POLICIES, MACHINES)
def test_a_machine_that_only_passes_looser_thresholds_never_passes_without_a_loosening(
    policy, used, machine
):
    if fit(machine, used) and not fit(machine, policy):
        assert loosened(ResolvedSettings(preflight=policy), ResolvedSettings(preflight=used))


COLUMNS = st.lists(st.sampled_from("abc"), unique=True, max_size=3)
TABLE_POLICIES = st.builds(
    DataQualityPolicy,
    required_columns=COLUMNS,
    numeric_columns=COLUMNS,
    key_columns=COLUMNS,
    missing_columns=COLUMNS,
    na_values=st.lists(st.sampled_from(["NA", "x"]), unique=True, max_size=2),
    min_rows=st.integers(0, 3),
    max_missing_ratio=st.sampled_from([0.0, 0.3, 1.0]),
    max_duplicate_ratio=st.sampled_from([0.0, 0.5, 1.0]),
)
CELLS = st.sampled_from(["1", "2", "", "NA", "x"])
TABLES = st.lists(st.sampled_from("abc"), unique=True, min_size=1).flatmap(
    lambda columns: st.lists(
        st.fixed_dictionaries(dict.fromkeys(columns, CELLS)), min_size=1, max_size=4
    )
)


def clean(table, policy: DataQualityPolicy) -> bool:
    """Source: docs/inventory.md and the checks of the data-quality gate."""
    columns = list(table[0])
    missing = {"", *policy.na_values}
    keys = list(policy.key_columns) or columns
    named = [*policy.required_columns, *policy.numeric_columns, *policy.key_columns]
    if not set(named) <= set(columns):
        return False
    groups = [tuple(row[key] for key in keys) for row in table]
    judged = [c for c in columns if not policy.missing_columns or c in policy.missing_columns]
    return (
        len(table) >= policy.min_rows
        and sum(groups.count(group) > 1 for group in groups) / len(table)
        <= policy.max_duplicate_ratio
        and all(
            sum(row[c] in missing for row in table) / len(table) <= policy.max_missing_ratio
            for c in judged
        )
        and all(
            row[c] not in missing and row[c].isdigit()
            for row in table
            for c in policy.numeric_columns
        )
    )


@settings(max_examples=1000)
@given(TABLE_POLICIES, TABLE_POLICIES, TABLES)
def test_a_table_that_only_passes_looser_thresholds_never_passes_without_a_loosening(
    policy, used, table
):
    if clean(table, used) and not clean(table, policy):
        assert loosened(ResolvedSettings(data_quality=policy), ResolvedSettings(data_quality=used))


@given(POLICIES, TABLE_POLICIES)
def test_policy_itself_is_never_a_loosening(host, table):
    policy = ResolvedSettings(preflight=host, data_quality=table)
    assert loosened(policy, policy) == []


def test_the_documentation_lists_every_threshold_with_its_built_in_value_and_every_variable():
    text = (ROOT / "docs/inventory.md").read_text()
    text, _, table = text.partition("## Loosening")
    rows = dict(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| ([^|]+) \| [a-z]", table, re.MULTILINE))
    built_in = ResolvedSettings().model_dump(mode="json")
    shown = {
        f"{gate}.{key}": value
        for gate in ("preflight", "data_quality")
        for key, value in built_in[gate].items()
    }
    assert list(rows) == list(shown) == list(LOOSER)
    for setting, value in shown.items():
        assert rows[setting] in ({"not asked", "none"} if value in (None, []) else {word(value)})
    assert set(re.findall(r"`([A-Z]+_[A-Z_]+|THREADS)`", text)) == {
        *ENVIRONMENT,
        "REMOTERUN_PROJECT",
        "REMOTERUN_INVENTORY",
    }


def word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
