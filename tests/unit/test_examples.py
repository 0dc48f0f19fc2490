"""The program of examples/factor_research, run for real on a table small enough for a test."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from ruamel.yaml import YAML

EXAMPLES = Path(__file__).parents[2] / "examples"
STRATEGY = "configs/strategies/combo_v2_prod.yaml"
FREEZE = "runs/freeze/combo_v2_prod.freeze.json"
BASE = ["--strategy", STRATEGY, "--factor", "combo_v2"]
ASKED = [*BASE, "--cost-multipliers", "1.5,2.0", "--wf-shards", "4"]
ASKED += ["--freeze-file", FREEZE, "--out-dir", "gate_results"]
HOSTILE = '-rf "quoted" \\ $(touch x) | é\nsecond line'


def gates_argv(*words):
    script = "scripts/run_research_workflow.py"
    return [sys.executable, script, "--workflow", "production_gates", "--", *words]


def call(folder, argv, **extra):
    env = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    env |= {"LC_ALL": "C.UTF-8", "GIT_CONFIG_GLOBAL": "/dev/null", **extra}
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def git(folder, *words):
    who = ["-c", "user.name=n", "-c", "user.email=e"]
    assert call(folder, ["git", *who, *words]).returncode == 0


def strict(path):
    def refuse(word):
        raise ValueError(word)

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def reports(folder):
    found = sorted(folder.glob("gate_results/production_gates_*/production_gates_report.json"))
    return [strict(path) for path in found]


def change_setting(folder, key, value):
    path = folder / STRATEGY
    text, changed = re.subn(rf"(?m)^(\s*{key}:) \S+", rf"\1 {value}", path.read_text())
    assert changed == 1
    path.write_text(text)


def copy_project(folder, draws=60):
    made = ("__pycache__", ".remoterun", "audit", "data", "gate_results", "runs")
    shutil.copytree(EXAMPLES / "factor_research", folder, ignore=shutil.ignore_patterns(*made))
    change_setting(folder, "permutation_draws", draws)
    change_setting(folder, "bootstrap_draws", 300)
    change_setting(folder, "min_train_dates", 60)
    table = ["scripts/make_table.py", "--days", "400", "--tickers", "20", "--risk-columns"]
    assert call(folder, [sys.executable, *table]).returncode == 0
    return folder


def write_table(path, rows, columns="date,ticker,score,forward_return"):
    path.write_text("\n".join([columns, *rows]) + "\n")


@pytest.fixture
def project(tmp_path):
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A project of its own repository, frozen, after one run with everything set."""
    folder = copy_project(tmp_path_factory.mktemp("ran") / "project")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        git(folder, *words)
    assert call(folder, gates_argv(*ASKED, "--write-freeze")).returncode == 0
    out = folder / "audit"
    out.mkdir()
    told = {"OUT_DIR": str(out), "REMOTERUN_REPORT_FILE": str(out / "report_path")}
    identity = ["--decision-tag", "T_1", "--owner", "O", "--notes", HOSTILE]
    return folder, call(folder, gates_argv(*ASKED, *identity), **told)


def test_the_report_has_every_key_and_lies_where_the_program_says(ran):
    folder, done = ran
    assert (done.returncode, done.stderr) == (0, "")
    told = (folder / "audit" / "report_path").read_text()
    report = strict(folder / told.rstrip("\n"))
    assert reports(folder) == [report]
    assert (
        report["inputs"] | {"decision_tag": "T_1", "notes": HOSTILE, "owner": "O"}
        == (report["inputs"])
    )
    assert {"strategy", "factor", "freeze_file", "skip_guardrails", "skip_risk_diagnostics"} | {
        "skip_statistical_gates", "dry_run", "stat_summary_csv", "wf_shards", "out_dir"
    } <= set(report["inputs"])  # fmt: skip
    assert '"decision_tag": "T_1"' in (folder / told.rstrip()).read_text()
    root = folder / report["outputs"]["out_root"]
    named = [report["outputs"]["cost_csv"], report["outputs"]["wf_summary_csv"]]
    named += [row["run_json"] for row in report["cost_stress"]]
    named += [report["risk_diagnostics"]["diagnostics_json"]]
    named += [report["statistical_gates"]["report_json"]]
    assert all((folder / name).is_file() and root in (folder / name).parents for name in named)
    assert "T_1" in (root / "production_gates_report.md").read_text()
    head = (root / "cost_stress_results.csv").read_text().splitlines()[0]
    assert head == "cost_multiplier,return_code,test_ic,train_ic,run_json"
    assert (folder / "gate_results" / "gate_registry.csv").read_text().count("T_1") == 1


def test_the_gates_say_what_the_numbers_say(ran):
    report = reports(ran[0])[0]
    gates, wf, risk = report["gates"], report["wf_stress"], report["risk_diagnostics"]
    cost = {row["cost_multiplier"]: row["test_ic"] for row in report["cost_stress"]}
    with (ran[0] / wf["summary_csv"]).open(newline="") as file:
        windows = [float(row["test_ic"]) for row in csv.DictReader(file)]
    assert wf["rows"] == wf["test_ic_n"] == len(windows) > 3
    assert wf["test_ic_mean"] == pytest.approx(sum(windows) / len(windows))
    assert wf["test_ic_pos_ratio"] == sum(ic > 0 for ic in windows) / len(windows)
    q, passed = (report["statistical_gates"][key] for key in ("q_value_bh", "factor_gate_pass"))
    assert {key: value for key, value in gates.items() if key != "overall_pass"} == {
        "cost_gate_x1_5_positive": cost[1.5] > 0,
        "cost_gate_x2_0_positive": cost[2.0] > 0,
        "wf_gate_positive_mean": wf["test_ic_mean"] > 0,
        "wf_gate_pos_ratio": wf["test_ic_pos_ratio"] >= 0.70,
        "risk_gate_beta_abs": abs(risk["beta_vs_spy"]) <= 0.50,
        "risk_gate_turnover_overlap": risk["turnover_top_pct_overlap"] >= 0.20,
        "risk_gate_size_corr_abs": abs(risk["size_signal_corr_log_mcap"]) <= 0.30,
        "risk_gate_industry_coverage": risk["industry_coverage"] >= 0.70,
        "stat_gate_factor_pass": passed and q <= 0.10,
    }
    assert gates["overall_pass"] is all(gates[key] for key in gates if key != "overall_pass")


def test_progress_registry_and_milestones_can_be_followed(ran):
    folder, done = ran
    progress = strict(folder / "audit" / "progress.json")
    assert progress["n_done"] == progress["n_target"] > 10
    assert progress["stage"] == "done"
    shards = reports(folder)[0]["wf_stress"]["shards"]
    assert f"shard {shards}/{shards} done" in done.stdout
    workflow = YAML(typ="safe").load(folder / "remoterun.yaml")["workflows"]["production_gates"]
    for pattern in workflow["progress"]["milestones"]:
        assert re.search(pattern, done.stdout), pattern
    with (folder / "gate_results" / "gate_registry.csv").open(newline="") as file:
        head, row = csv.reader(file)
    assert len(head) == len(row) == 26
    assert (head[0], head[-1], row[-1]) == ("run_ts", "notes", HOSTILE)


def test_what_was_frozen_runs_and_nothing_else(ran, tmp_path):
    folder = shutil.copytree(ran[0], tmp_path / "copy")
    shutil.rmtree(folder / "gate_results")

    def refusal():
        done = call(folder, gates_argv(*ASKED, "--dry-run"))
        assert (done.returncode, done.stderr.count("\n")) == (3, 1)
        return done.stderr

    freeze = (folder / FREEZE).read_text()
    change_setting(folder, "bps_per_turnover", 11)
    assert "configuration" in refusal()
    change_setting(folder, "bps_per_turnover", "10  # a comment changes nothing")
    git(folder, "commit", "-q", "--allow-empty", "-m", "second")
    assert "commit" in refusal()
    (folder / FREEZE).write_text("{")
    assert "cannot read" in refusal()
    (folder / FREEZE).unlink()
    assert "--write-freeze" in refusal()
    assert not (folder / "gate_results").exists()
    assert call(folder, gates_argv(*ASKED, "--dry-run", "--skip-guardrails")).returncode == 0
    assert call(folder, gates_argv(*ASKED, "--write-freeze")).returncode == 0
    assert call(folder, gates_argv(*ASKED, "--dry-run")).returncode == 0
    old, new = json.loads(freeze), strict(folder / FREEZE)
    assert (old["git_commit"] != new["git_commit"], old["config_hash"]) == (
        True,
        new["config_hash"],
    )


def test_skipped_and_dry_runs_leave_their_gates_open(project):
    """Outside a repository, where the commit is unknown when frozen and when checked."""
    assert call(project, gates_argv(*ASKED, "--write-freeze")).returncode == 0
    assert strict(project / FREEZE)["git_commit"] == "unknown"
    assert call(project, gates_argv(*ASKED, "--dry-run")).returncode == 0
    assert set(reports(project)[0]["gates"].values()) == {None}
    skips = ["--skip-risk-diagnostics", "--skip-statistical-gates"]
    assert call(project, gates_argv(*ASKED, *skips)).returncode == 0
    gates = reports(project)[1]["gates"]
    assert {key for key, value in gates.items() if value is None} == {
        key for key in gates if key.startswith(("risk", "stat"))
    }
    assert gates["overall_pass"] is True


def test_the_numbers_do_not_depend_on_the_number_of_processes(project):
    seen = []
    for shards in ("1", "3"):
        call(project, gates_argv(*BASE, "--wf-shards", shards))
        report = reports(project)[-1]
        root = report["outputs"]["out_root"]
        values = {**report["wf_stress"], "processes": 0}
        seen.append(json.dumps(values).replace(root, ""))
        seen.append((project / report["outputs"]["wf_summary_csv"]).read_text())
    assert seen[:2] == seen[2:]


def test_a_perfect_and_a_perverse_score_are_seen_as_such(project):
    for sign in (1, -1):
        table = project / "data" / "made.csv"
        with (project / "data" / "your_input.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["forward_return"]]
        gain = "forward_return"
        lines = [f"{r['date']},{r['ticker']},{sign * float(r[gain])},{r[gain]}" for r in rows]
        write_table(table, lines)
        call(project, gates_argv(*BASE), REMOTERUN_INPUT_CSV=str(table))
        report = reports(project)[-1]
        assert report["table"]["input_csv"] == str(table)
        assert report["wf_stress"]["test_ic_mean"] == pytest.approx(1)  # the sign was learned
        assert report["gates"]["stat_gate_factor_pass"] is (sign == 1)
        assert report["gates"]["cost_gate_x2_0_positive"] is (sign == 1)
        assert report["gates"]["risk_gate_beta_abs"] is False  # no column spy_return
        assert "spy_return" in report["risk_diagnostics"]["reasons"]["beta_vs_spy"]


def test_a_table_without_returns_is_refused_in_one_line(project):
    write_table(project / "t.csv", ["2026-02-19,A,0.5"], "date,ticker,score")
    done = call(project, gates_argv(*BASE, "--input-csv", "t.csv"))
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "no column `forward_return`" in done.stderr
    assert not (project / "gate_results").exists()


@pytest.mark.parametrize("whom", ["program", "worker"])
def test_a_kill_leaves_no_process_and_no_false_verdict(tmp_path, whom):
    folder = copy_project(tmp_path / "project", draws=10**6)
    for signum in (signal.SIGTERM, signal.SIGKILL):
        program = subprocess.Popen(
            gates_argv(*BASE, "--wf-shards", "2"), cwd=folder, stdout=subprocess.PIPE
        )
        with program:
            try:
                workers = wait_until(lambda p=program.pid: two_children(p))
                os.kill(program.pid if whom == "program" else workers[0].pid, signum)
                code = program.wait(30)
            finally:
                program.kill()
        _, alive = psutil.wait_procs(workers, timeout=10)
        for worker in alive:
            worker.kill()
        assert alive == []
        if whom == "worker" and signum == signal.SIGKILL:
            assert code == 0
            assert "signal 9" in reports(folder)[0]["wf_stress"]["reason"]
            assert reports(folder)[0]["gates"]["wf_gate_positive_mean"] is False
        else:
            assert (code, reports(folder)) == (-signum, [])


def two_children(pid):
    children = psutil.Process(pid).children()
    return children if len(children) == 2 else None


def wait_until(condition):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen within 30 s")
