"""Files with names that break careless programs: outputs in the digest list, the gated input."""

import base64
import hashlib
import shutil

import pytest
from hostile import control_bytes, hostile_bytes
from projects import a_project, record

COUNT = 1000


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with a_project(tmp_path_factory.mktemp("names")) as made:
        made.configure(data_quality={"min_rows": 2}, outputs=["results"])
        made.commit()
        yield made
        assert not list(made.root.parent.rglob("CANARY*")), "a name was run"


def file_names() -> list[bytes]:
    names = [name.replace(b"/", b":").replace(b"\0", b"") for name in hostile_bytes(COUNT, seed=3)]
    return list(dict.fromkeys(name for name in names if name not in (b".", b"..", b"")))


def test_a_thousand_files_with_hostile_names_are_in_the_digest_list(project):
    names = file_names()
    assert len(names) > COUNT * 0.9
    (project.root / "names").write_bytes(b"".join(name + b"\0" for name in names))
    script = (
        "mkdir -p results \"results/$(printf 'a\\nb')\"\n"
        'LC_ALL=C; while IFS= read -r -d "" name; do '
        'printf %s "$name" >"results/$name"; done <names\n'
        "printf x >\"results/$(printf 'a\\nb')/$(printf 'c\\033')\"\n"
    )
    (project.root / "then.sh").write_text(script)
    done = project.official("names")
    (project.root / "then.sh").unlink()

    assert done.returncode == 0, done.stdout
    assert control_bytes(done.stdout + done.stderr) == []
    listed = {
        file["path"]: file
        for file in record(project.run_dir("names"), "artifacts.json")["files"]
        if file["path_base"] == "project_root"
    }
    written = {b"results/" + name: name for name in names} | {b"results/a\nb/c\x1b": b"x"}
    shown = {path.decode("utf-8", "backslashreplace"): path for path in written}
    assert set(listed) == set(shown)
    for path, file in listed.items():
        content = written[shown[path]]
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["bytes"] == len(content)
    shutil.rmtree(project.root / "results")


@pytest.mark.parametrize(
    "name",
    [
        "-rf.csv",
        "--help",
        "a b.csv",
        "'q\"u`.csv",
        "$(touch CANARY).csv",
        "; touch CANARY",
        "line\nbreak.csv",
        "ends with newline\n",
        "\x1b[31m.csv",
        "*?[a].csv",
        "\\x41\\n%s.csv",
        "=a.csv",
        "ü" * 120 + ".csv",
        "~",
        "file:x",
    ],
)
def test_an_input_with_a_hostile_name_is_gated_pinned_and_read(project, name):
    project.write_table(name)
    tag = "name_" + base64.b32encode(name.encode())[:60].decode().rstrip("=")

    launch = project.launch(tag, table=name)

    assert launch.executions == 1, launch.state
    assert record(launch.run_dir, "context.json")["data_quality_input_csv"] == name
    report = record(launch.run_dir, "data_quality/data_quality_report.json")
    assert report["inputs"]["input_csv"] == name
    assert (launch.run_dir / "read").read_text().split()[0] == report["input_sha256"]
    markdown = (launch.run_dir / "data_quality/data_quality_report.md").read_text()
    assert control_bytes(markdown) == []
    (project.root / name).unlink()
