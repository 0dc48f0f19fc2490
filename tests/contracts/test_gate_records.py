"""A gate's record is judged by the grammar of JSON, without a JSON reader on the host."""

import json
import random
import subprocess
from pathlib import Path

from hostile import hostile

SCRIPTS = Path(__file__).resolve().parents[2] / "shell_templates"
JUDGE = '. "$0/lib.sh"; for file in "$@"; do whole_json "$file" && echo yes || echo no; done'
RECORD = {
    "run_id": "r",
    "count": 3,
    "ratio": -0.5e-3,
    "passed": True,
    "none": None,
    "reasons": ["a", 'b "quoted" \\ {[', ""],
    "nested": {"empty": {}, "list": [[], [{}], [1, 2]]},
}


def judged(folder: Path, texts: list[str]) -> list[bool]:
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"{number}.json")
        files[-1].write_text(text)
    argv = ["bash", "-c", JUDGE, str(SCRIPTS), *map(str, files)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    return [word == "yes" for word in done.stdout.split()]


def is_object(text: str) -> bool:
    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        return isinstance(json.loads(text, parse_constant=refuse, strict=False), dict)
    except ValueError:
        return False


def test_only_whole_objects_are_accepted_however_a_record_was_cut_or_mended(tmp_path):
    whole = json.dumps(RECORD, indent=1)
    chance = random.Random(4)
    texts = [whole[:cut] for cut in range(0, len(whole), 3)]
    for _ in range(150):
        place = chance.randrange(len(whole))
        texts.append(whole[:place] + chance.choice('{}[],:"x') + whole[place + 1 :])
    texts += [whole + whole, whole + ",", whole + "}", "[" + whole + "]", "", "{}", "[]", "null"]
    texts += ['{"a" "b"}', '{"a":}', "{:1}", '{"a":1,}', '{"a":[1,"b":2]}', '{"a":tru}']

    expected = [is_object(text) for text in texts]
    assert True in expected
    answers = zip(texts, expected, judged(tmp_path, texts), strict=True)
    assert [text for text, is_whole, said in answers if said and not is_whole] == []


def test_what_a_json_writer_writes_is_accepted(tmp_path):
    texts = [json.dumps({"text": text, "list": [text, 1.5e300]}) for text in hostile(150)]
    texts += [json.dumps(RECORD), json.dumps(RECORD, indent=2), "{}"]

    assert all(judged(tmp_path, texts))


def test_the_report_of_a_very_wide_table_is_judged_soon(tmp_path):
    wide = {f"column_{n}": n / 7 for n in range(100_000)}

    assert judged(tmp_path, [json.dumps({"missing_ratio_by_column": wide}, indent=1)]) == [True]
