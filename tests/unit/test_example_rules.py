"""The rules inside examples/factor_research, against cases that were worked out by hand."""

import ast
import csv
import datetime
import random
import subprocess
import sys
from collections import Counter
from math import sqrt
from pathlib import Path

import pytest
from ruamel.yaml import YAML

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = EXAMPLES / "factor_research" / "scripts"
STRATEGY = EXAMPLES / "factor_research" / "configs" / "strategies" / "combo_v2_prod.yaml"


@pytest.fixture(autouse=True)
def programs_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))


def make_table(path, *words):
    argv = [sys.executable, str(SCRIPTS / "make_table.py"), "--out", str(path), *words]
    subprocess.run(argv, check=True, capture_output=True)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("scores", "returns", "expected"),
    [
        ([1, 2, 3, 4], [2, 1, 4, 3], 0.6),  # 1 - 6 x 4 / (4 x 15)
        ([1, 2, 2, 3], [1, 2, 3, 4], 4.5 / sqrt(4.5 * 5)),  # the tie shares rank 2.5
        ([-5, 0.1, 700], [3, 2, 1], -1),
        ([1, 1, 1], [1, 2, 3], None),
    ],
)
def test_the_rank_coefficient_is_spearmans_with_ties_averaged(scores, returns, expected):
    from production_gates.ranks import rank_ic

    assert rank_ic(scores, returns) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("p_values", "q_values"),
    [
        ([0.005, 0.04, 0.03, 0.2], [0.02, 0.16 / 3, 0.16 / 3, 0.2]),
        ([0.01, 0.02, 0.03, 0.04, 0.5], [0.05, 0.05, 0.05, 0.05, 0.5]),
        ([0.7], [0.7]),
        ([], []),
    ],
)
def test_q_values_are_those_of_benjamini_and_hochberg(p_values, q_values):
    from production_gates.multiple_testing import benjamini_hochberg

    assert benjamini_hochberg(p_values) == pytest.approx(q_values)


def test_bootstrap_and_shuffling_find_luck_unremarkable_and_knowledge_remarkable():
    from production_gates.multiple_testing import bootstrap_p_value
    from production_gates.ranks import unit_ranks
    from production_gates.walk_forward import shuffled_p_value

    chance = random.Random(1)
    luck = [chance.gauss(0, 1) for _ in range(400)]
    luck = [value - sum(luck) / 400 for value in luck]
    assert 0.4 < bootstrap_p_value(luck, 2000, 10, "s") < 0.6
    assert bootstrap_p_value([value + 1 for value in luck], 999, 10, "s") == 1 / 1000
    assert bootstrap_p_value(luck[:19], 999, 10, "s") is None
    # three names have six orders, and one of them is the observed, best one
    steps = []
    pair = (unit_ranks([1, 2, 3]), unit_ranks([1, 2, 3]))
    p_value = shuffled_p_value([pair], 6000, random.Random(2), steps.append)
    assert (p_value, sum(steps)) == (pytest.approx(1 / 6, abs=0.02), 120)


def test_costs_are_paid_for_what_is_traded_and_turn_a_thin_edge():
    from production_gates.cost_stress import net_ics
    from production_gates.table import Day

    # positions -1, 0, 1; the best name earns 0.001 more than the worst
    numbers = {"score": [1.0, 2.0, 3.0], "forward_return": [0.0, 0.0005, 0.001]}
    days = [Day(date, ["A", "B", "C"], numbers, []) for date in ("2026-01-01", "2026-01-02")]
    # first date: opening costs 0.0004 a side and changes no order; 0.0008 turns it over,
    # A 0.0008, B 0.0005, C 0.0002; on the second date nothing is traded
    assert net_ics(days, "score", 0.0004, 3) == pytest.approx([1, 1])
    assert net_ics(days, "score", 0.0008, 3) == pytest.approx([-1, 1])
    assert net_ics(days, "score", 0.0008, 4) == [None, None]


def test_a_window_trains_only_on_dates_before_its_embargo():
    from production_gates.walk_forward import build_windows

    dates = [f"2025-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 11)]
    settings = {"min_train_dates": 40, "embargo_dates": 2, "min_test_dates": 15}
    ics = [0.1] * 105 + [None] * 15
    windows = [(each.name, each.train_end, each.first, each.end) for each in build_windows(
        dates, ics, settings)]  # fmt: skip
    # Q2 begins at 42 and keeps 18 dates, Q4 has 15 with a coefficient
    assert windows == [("2025Q2", 40, 42, 60), ("2025Q3", 58, 60, 90), ("2025Q4", 88, 90, 120)]


def test_variants_look_back_and_never_ahead():
    from production_gates.table import Day
    from production_gates.variants import RULES, build_variant

    days = [
        Day(f"2026-01-0{at}", ["A"], {"score": [score], "forward_return": [0.0]}, [])
        for at, score in enumerate([1.0, 2.0, 4.0, 8.0, 16.0, 32.0], 1)
    ]
    seen = {rule: build_variant(days, "score", "f", rule, 3).scores for rule in RULES}
    last = {rule: [values[0] for values in scores] for rule, scores in seen.items()}
    assert last == {
        "": [1, 2, 4, 8, 16, 32],
        "_lag1": [None, 1, 2, 4, 8, 16],
        "_lag5": [None] * 5 + [1],
        "_mean5": [None] * 4 + [31 / 5, 62 / 5],
        "_change1": [None, 1, 2, 4, 8, 16],
    }


@pytest.mark.parametrize(
    ("gate", "block", "key", "passing", "failing"),
    [
        ("wf_gate_positive_mean", "wf_stress", "test_ic_mean", 1e-9, 0.0),
        ("wf_gate_pos_ratio", "wf_stress", "test_ic_pos_ratio", 0.70, 0.69),
        ("risk_gate_beta_abs", "risk_diagnostics", "beta_vs_spy", -0.50, -0.51),
        ("risk_gate_turnover_overlap", "risk_diagnostics", "turnover_top_pct_overlap", 0.2, 0.19),
        ("risk_gate_size_corr_abs", "risk_diagnostics", "size_signal_corr_log_mcap", 0.3, -0.31),
        ("risk_gate_industry_coverage", "risk_diagnostics", "industry_coverage", 0.70, 0.69),
        ("stat_gate_factor_pass", "statistical_gates", "factor_gate_pass", True, False),
    ],
)
def test_a_gate_passes_at_its_limit_and_fails_beyond_and_without_a_value(
    gate, block, key, passing, failing
):
    from production_gates.configuration import read_configuration
    from production_gates.gates import NAMES, verdict

    limits = read_configuration(STRATEGY)["gates"]
    inputs = dict.fromkeys(("dry_run", "skip_risk_diagnostics", "skip_statistical_gates"), False)
    empty = {"cost_stress": [], "wf_stress": {}, "risk_diagnostics": {}, "statistical_gates": {}}

    def gates_with(value):
        return verdict({**empty, block: {key: value}}, limits, inputs)

    assert gates_with(passing) == {name: name == gate for name in (*NAMES, "overall_pass")}
    assert gates_with(failing)[gate] is False
    assert gates_with(None)[gate] is False


@pytest.mark.parametrize(
    ("row", "passes"),
    [
        ({"p_value": 0.10, "ic_pos_ratio": 0.60, "ic_mean": 1e-9}, True),
        ({"p_value": 0.11, "ic_pos_ratio": 0.60, "ic_mean": 1e-9}, False),
        ({"p_value": 0.10, "ic_pos_ratio": 0.59, "ic_mean": 1e-9}, False),
        ({"p_value": 0.10, "ic_pos_ratio": 0.60, "ic_mean": 0.0}, False),
        ({"p_value": None, "ic_pos_ratio": None, "ic_mean": None}, False),
    ],
)
def test_the_statistics_gate_wants_a_small_q_and_steady_gains(row, passes):
    from production_gates.configuration import read_configuration
    from production_gates.multiple_testing import judge

    (judged,) = judge([{"factor": "f", **row}], read_configuration(STRATEGY)["gates"])
    assert (judged["gate_pass"], judged["q_value_bh"]) == (passes, row["p_value"])


def test_the_small_yaml_reader_agrees_with_a_real_one():
    from production_gates.configuration import read_configuration

    assert read_configuration(STRATEGY) == YAML(typ="safe").load(STRATEGY)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("seed: 20260221", "seed: 20260221\nseed: 1", "twice"),
        ("seed: 20260221", "seed: [1]", "cannot read"),
        ("seed: 20260221", "seed: 0x10", "cannot read"),
        ("seed: 20260221", "seed: &a 1", "cannot read"),
        ("seed: 20260221", "seed: 1.5", "whole number"),
        ("seed: 20260221", "sed: 1", "unknown key `sed`"),
        ("seed: 20260221", "", "missing key `seed`"),
        ("seed: 20260221", "seed: 1\nmore: 1", "unknown key `more`"),
        ("strategy_id: combo_v2_prod", "strategy_id: no", "cannot read"),
        ("strategy_id: combo_v2_prod", "strategy_id: a: b", "cannot read"),
        ("strategy_id: combo_v2_prod", "strategy_id: |", "cannot read"),
        ("  combo_v2: score", "  combo_v2:", "no value"),
        ("  combo_v2: score", "    combo_v2: score", "expected `key: value`"),
        ("  combo_v2: score", "\tcombo_v2: score", "expected `key: value`"),
        ("  top_share: 0.10", "  top_share: 0.9", "from 0.001 to 0.5"),
    ],
)
def test_a_configuration_that_is_not_understood_is_refused(tmp_path, before, after, why):
    from production_gates.configuration import read_configuration
    from production_gates.refusal import Refusal

    text = STRATEGY.read_text()
    assert text.count(before) == 1
    path = tmp_path / "c.yaml"
    path.write_text(text.replace(before, after))
    with pytest.raises(Refusal, match=why):
        read_configuration(path)


def test_the_digest_of_a_configuration_is_that_of_its_sorted_compact_json():
    from hashlib import sha256

    from production_gates.configuration import config_hash

    expected = sha256(b'{"a":{"c":0.1,"d":"x"},"b":2}').hexdigest()
    assert config_hash({"b": 2, "a": {"d": "x", "c": 0.1}}) == expected


def test_two_runs_append_to_one_registry_and_a_torn_line_spoils_no_other(tmp_path):
    from production_gates.files import append_csv
    from production_gates.refusal import Refusal

    path = tmp_path / "r.csv"
    append_csv(path, ["a", "b"], {"a": 1, "b": None})
    with path.open("a") as file:
        file.write("torn")
    append_csv(path, ["a", "b"], {"a": True, "b": "x,y"})
    assert path.read_text() == 'a,b\n1,\ntorn\nTrue,"x,y"\n'
    with pytest.raises(Refusal, match="other columns"):
        append_csv(path, ["a", "c"], {"a": 1, "c": 2})


def test_a_made_table_is_the_same_for_one_seed_and_ends_today(tmp_path):
    words = ["--days", "300", "--tickers", "10", "--end", "2026-02-22"]  # a Sunday
    first = make_table(tmp_path / "1.csv", *words)
    assert first == make_table(tmp_path / "2.csv", *words)
    assert first != make_table(tmp_path / "3.csv", *words, "--seed", "8")
    assert list(first[0]) == ["date", "ticker", "score", "forward_return"]
    assert (len(first), first[-1]["date"]) == (3000, "2026-02-20")
    assert [row["forward_return"] for row in first[-10:]] == [""] * 10  # not known yet
    assert all(row["forward_return"] for row in first[:-10])
    newest = make_table(tmp_path / "4.csv", "--days", "1")[-1]["date"]
    age = datetime.datetime.now(datetime.UTC).date() - datetime.date.fromisoformat(newest)
    assert 0 <= age.days <= 3


def test_a_spoiled_table_breaks_one_thing_that_the_gate_looks_for(tmp_path):
    words = ["--days", "100", "--tickers", "10"]
    rows = make_table(tmp_path / "d.csv", *words, "--spoil", "duplicates")
    keys = Counter((row["date"], row["ticker"]) for row in rows)
    assert sum(count for count in keys.values() if count > 1) / len(rows) > 0.01
    rows = make_table(tmp_path / "m.csv", *words, "--spoil", "missing")
    assert sum(row["score"] == "" for row in rows) / len(rows) > 0.05
    stale = make_table(tmp_path / "s.csv", *words, "--spoil", "stale")[-1]["date"]
    limit = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=7)
    assert stale < limit.isoformat()


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*/scripts/**/*.py")), ids=lambda p: p.stem)
def test_a_script_needs_an_old_python_and_nothing_else(script):
    tree = ast.parse(script.read_text(), feature_version=(3, 8))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert imported <= {*sys.stdlib_module_names, "production_gates"}
    assert len(script.read_text().splitlines()) <= 300
