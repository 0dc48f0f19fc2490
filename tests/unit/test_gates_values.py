"""Settings become what the wrappers of the gates are told."""

import csv
import io

import pytest

from remoterun.gates import GATES, data_quality, preflight
from remoterun.model.inventory import PreflightPolicy
from remoterun.model.project import DataQualityPolicy
from remoterun.records.scripts import read_text


def test_preflight_is_asked_first_and_every_gate_brings_its_scripts():
    assert list(GATES) == ["preflight", "data_quality"]
    for name, gate in GATES.items():
        assert f"{name}.sh" in gate.WRAPPERS
        assert all(read_text(script) for script in gate.WRAPPERS)


@pytest.mark.parametrize(
    ("memory", "asked"),
    [("60GiB", "60"), ("64GB", "60"), ("1B", "1"), ("1025MiB", "2"), ("0B", "0")],
)
def test_memory_is_asked_in_whole_gib_rounded_up(memory, asked):
    values = preflight.job_values(PreflightPolicy(min_memory=memory), blocks=True)
    assert values["min_memory_gb"] == asked


def test_what_is_not_asked_is_empty_or_nought():
    values = preflight.job_values(PreflightPolicy(), blocks=False)

    assert values["max_load_per_core"] == values["max_load_thousandths"] == ""
    assert values["min_gpus"] == values["min_disk_free_gb"] == "0"
    assert (values["require_clean"], values["refuse_other_runs"]) == ("0", "no")
    assert values["preflight_blocks"] == "no"


def test_load_is_compared_in_thousandths():
    values = preflight.job_values(PreflightPolicy(max_load_per_core=1.2345), blocks=True)
    assert values["max_load_thousandths"] == "1234"


@pytest.mark.parametrize(
    ("skipped", "has_input", "said"),
    [(True, True, "skip"), (True, False, "skip"), (False, True, "run"), (False, False, "none")],
)
def test_data_quality_runs_when_a_table_is_named_and_nobody_skips_it(skipped, has_input, said):
    policy = DataQualityPolicy()
    values = data_quality.job_values(policy, skipped=skipped, has_input=has_input)
    assert values["dq"] == said
    assert values["dq_skipped"] == ("true" if skipped else "false")


def test_column_names_with_commas_and_quotes_come_back_from_one_argument():
    names = ["a,b", 'q"x', "-rf", " padded ", "line\nbreak", "ü"]
    policy = DataQualityPolicy(required_columns=names)

    words = data_quality.engine_argv(policy, "/t.csv", "/out")

    (word,) = [word for word in words if word.startswith("--required-columns=")]
    assert list(csv.reader(io.StringIO(word.partition("=")[2], newline=""))) == [names]


def test_every_argument_of_the_contract_is_said_with_its_value():
    policy = DataQualityPolicy(date_column="day", max_staleness="36h", max_missing_ratio=0.1)

    words = dict(word.split("=", 1) for word in data_quality.engine_argv(policy, "/t", "/o"))

    assert words == {
        "--input-csv": "/t",
        "--out-dir": "/o",
        "--required-columns": "",
        "--numeric-columns": "",
        "--key-columns": "",
        "--date-column": "day",
        "--min-rows": "1000",
        "--max-missing-ratio": "0.1",
        "--max-duplicate-ratio": "0.01",
        "--max-staleness-days": "1.5",
        "--max-future-days": "1.0",
        "--missing-columns": "",
        "--na-values": "",
    }
