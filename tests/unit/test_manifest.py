"""When two launches are the same request, and what says that they are not."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from hostile import hostile
from projects import a_project

from remoterun.model.manifest import LauncherFacts
from remoterun.model.waivers import Waiver, WaiverKind
from remoterun.records.config import read_configuration
from remoterun.rules.manifest import (
    build_manifest,
    build_run_id,
    comparable,
    difference,
    request_digest,
)
from remoterun.steps.request import Wishes, prepare_official

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def request_(tmp_path_factory):
    with a_project(tmp_path_factory.mktemp("manifest")) as project:
        configuration = read_configuration(project.root, project.environ, None, None)
        wishes = Wishes([b"--x", b"1"], tag="t1", input_csv="table.csv")
        yield prepare_official(configuration, wishes, project.environ, NOW).request


def manifest_of(request, *, moment=NOW, actor="hui"):
    return build_manifest(
        request,
        run_id=build_run_id(request, moment),
        run_path="audit/workstation_runs/r",
        attempt=1,
        token="0" * 32,
        moment=moment,
        launcher=LauncherFacts(version="1", actor=actor, hostname="h"),
        wrappers={},
    )


def waiver(**more):
    said = {
        "id": "WV-001",
        "gate": "data_quality",
        "kind": WaiverKind.SKIP,
        "setting": None,
        "policy_value": None,
        "used_value": None,
        "reason": "certified",
        "actor": "hui",
        "recorded_utc": NOW,
    }
    return Waiver(**(said | more))


def preflight(request, **more):
    used = request.used
    changed = used.model_copy(update={"preflight": used.preflight.model_copy(update=more)})
    return {"used": changed}


CHANGES = {
    "project": lambda r: {"project": "other"},
    "workflow": lambda r: {"workflow": "other"},
    "official": lambda r: {"official": False},
    "argv": lambda r: {"argv": [*r.argv, b""]},
    "argv by a byte": lambda r: {"argv": [*r.argv[:-1], r.argv[-1] + b"\xff"]},
    "host": lambda r: {"host": "ws1"},
    "owner": lambda r: {"owner": "wei"},
    "notes": lambda r: {"notes": "other"},
    "threads": lambda r: {"threads": 3},
    "cpuset": lambda r: {"cpuset": "0"},
    "require_clean": lambda r: preflight(r, require_clean=True),
    "a threshold": lambda r: preflight(r, min_cores=r.used.preflight.min_cores + 1),
    "input": lambda r: {"input": "other.csv"},
    "waiver": lambda r: {"waivers": (waiver(),)},
    "remoterun.yaml": lambda r: {"project_file_sha256": "f" * 64},
    "commit": lambda r: {"git": r.git.model_copy(update={"commit": "f" * 40})},
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_what_runs_or_is_gated_makes_another_request(request_, change):
    other = dataclasses.replace(request_, **CHANGES[change](request_))

    then, now = comparable(request_), comparable(other)
    assert request_digest(then) != request_digest(now)
    assert difference(then, now)
    assert difference(then, then).startswith("the arguments differ in bytes")


def test_time_and_actor_never_do(request_):
    one = manifest_of(request_)
    two = manifest_of(request_, moment=NOW + timedelta(days=1), actor="wei")
    waived = [
        dataclasses.replace(request_, waivers=(w,))
        for w in (waiver(), waiver(recorded_utc=NOW + timedelta(hours=1), id="WV-002"))
    ]

    assert one.request_sha256 == two.request_sha256
    assert one.run_id != two.run_id
    assert request_digest(comparable(waived[0])) == request_digest(comparable(waived[1]))


def test_a_thousand_hostile_notes_and_owners_come_back_from_the_manifest(request_):
    for text in hostile(1000, seed=21):
        other = dataclasses.replace(request_, owner=text, notes=text)
        manifest = manifest_of(other)
        said = json.loads(manifest.model_dump_json())
        assert (said["owner"], said["notes"]) == (text, text)
        assert said["request"]["notes"] == text
        assert type(manifest).model_validate_json(manifest.model_dump_json()) == manifest


def test_the_name_of_a_run_is_its_time_in_utc_workflow_and_tag(request_):
    assert build_run_id(request_, NOW) == "2026-03-01_093000_gates_t1"
    elsewhere = datetime.fromisoformat("2026-03-01T17:30:00+08:00")
    assert build_run_id(request_, elsewhere) == "2026-03-01_093000_gates_t1"
    assert manifest_of(request_).created_utc == NOW
