"""How texts are read is checked for all arms before anything starts, and said in the plan."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morec.config import TrialConfig
from morec.data.dataset import open_dataset
from morec.encoders.artefacts import ArtefactStore
from morec.errors import DataError
from studies.run import main
from tune_space.inputs.check_texts import check_texts, format_readings
from tune_space.inputs.dataset_entries import dataset_entries
from tune_space.inputs.prepare import Prepared, prepare_items
from tune_space.inputs.reference_rows import references
from tune_space.study.arm import Arm
from tune_space.study.domains import ParamSpec

DATA = {
    "kind": "files",
    "interactions": "a.csv",
    "items": "b.csv",
    "text_column": "title",
    "min_seq_len": 3,
    "max_seq_len": 4,
}
TEXT = {"name": "tiny-random", "pretrained": False, "max_tokens": 8}


def arm(name: str, item: dict[str, Any], space: dict[str, ParamSpec] | None = None) -> Arm:
    config = TrialConfig.model_validate_json(json.dumps({"dataset": DATA, "item": item}))
    return Arm(name, None, config, space or {})


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    rows = [f"u{user},i{(user + step) % 6},{step}" for user in range(8) for step in range(5)]
    (tmp_path / "a.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    items = [f"i{item},title {item},brand {item % 3}" for item in range(6)]
    (tmp_path / "b.csv").write_text("\n".join(["item_id,title,brand", *items]))
    return Prepared(tmp_path, ArtefactStore(tmp_path / "artefacts"))


def test_arms_without_templates_share_windows_with_those_that_have_them(prepared) -> None:
    plain = arm("TS", {"text": TEXT})
    brand = arm("brand", {"text": TEXT | {"template": "{title}. {brand}"}})
    one, other = (prepared.dataset_folder(each.config) for each in (plain, brand))
    assert one != other
    assert open_dataset(one).columns == {}
    read = open_dataset(other)
    assert dict(read.columns) == {
        "title": tuple(f"title {item[1:]}" for item in read.item_names or ()),
        "brand": tuple(f"brand {int(item[1:]) % 3}" for item in read.item_names or ()),
    }
    turned = arm("turned", {"text": TEXT | {"template": "{brand} {title}"}})
    assert prepared.dataset_folder(turned.config) == other
    assert np.array_equal(read.item_ids, open_dataset(one).item_ids)
    # One description of the data: templates change nothing of it.
    (entry,) = dataset_entries(prepared, [brand, plain])
    assert entry.profile == prepared.profile(brand.config) == prepared.profile(plain.config)


def test_every_searched_template_is_prepared_and_has_a_row_of_its_own(prepared) -> None:
    choice = ("{title}", "{title} {brand}")
    searched = arm("TS", {"text": TEXT}, {"item.text.template": ParamSpec(choice=choice)})
    made = prepare_items(prepared, [arm("ID", {"id": True}), searched])
    assert [one.read_as for one in made] == [
        (f"{template!r}, first token, lower-cased",) for template in choice
    ]
    rows = references(prepared, [arm("ID", {"id": True}), searched], "ID")
    names = [one.name for one in rows if one.name.startswith("content kNN")]
    assert len(names) == len(choice)
    assert all(f"template {one})" in name for one, name in zip(choice, names, strict=True))


def test_all_arms_that_cannot_be_read_so_are_named_at_once(prepared, tmp_path: Path) -> None:
    arms = [
        arm("ID", {"id": True}),
        arm("one", {"text": TEXT | {"template": "{title} {brnad}"}}),
        arm("two", {"text": TEXT | {"template": "{brnad}", "dnn_layers": 1}}),
        arm("cased", {"text": TEXT | {"lowercase": False}}),
        arm("good", {"text": TEXT | {"template": "{title} {brand}"}}),
    ]
    with pytest.raises(DataError) as error:
        check_texts(prepared, arms)
    assert str(error.value) == (
        "nothing was started\n"
        "arm 'one', 'two': b.csv: no column 'brnad' (item.text.template). Did you mean 'brand'? "
        "Columns found: item_id, title, brand\n"
        "arm 'cased': item.text.lowercase: false has no effect: 'tiny-random' reads lower-cased "
        "words"
    )
    check_texts(prepared, [arms[0], arms[-1]])
    assert not (tmp_path / "artefacts").exists()


def test_the_plan_says_how_each_encoder_reads_and_in_which_arms(prepared) -> None:
    arms = [
        arm("ID", {"id": True}),
        arm("TS", {"text": TEXT}),
        arm("ID+TS", {"id": True, "text": TEXT, "fusion": "add"}),
        arm("prompt", {"text": TEXT | {"prompt": "query: ", "pooling": "last"}}),
    ]
    assert list(format_readings(prepared, arms)) == [
        "tiny-random reads: first token, lower-cased (TS, ID+TS)",
        "tiny-random reads: last token, lower-cased, prompt 'query: ' (prompt)",
    ]


STUDY = """\
question: Which?
baseline: ID
base: {item: {id: true}, dataset: DATA}
arms: {ID: {}, TS: {item: {id: false, text: TEXT}}}
seeds: [1]
"""


@pytest.mark.parametrize(
    ("template", "command", "code", "line"),
    [
        ("{title} {brand}", "--plan", 0, "reads: '{title} {brand}', first token, lower-cased (TS)"),
        ("{title} {brnad}", "--plan", 2, "arm 'TS': b.csv: no column 'brnad' (item.text.template)"),
        ("{title} {brnad}", "", 2, "arm 'TS': b.csv: no column 'brnad' (item.text.template)"),
    ],
)
def test_a_plan_and_a_run_check_templates_before_anything_starts(
    prepared: Prepared,
    capsys: pytest.CaptureFixture[str],
    template: str,
    command: str,
    code: int,
    line: str,
) -> None:
    text = json.dumps(TEXT | {"template": template})
    root = prepared.root
    study = root / "shop.yaml"
    study.write_text(STUDY.replace("DATA", json.dumps(DATA)).replace("TEXT", text))
    options = [*([command] if command else []), "--out", str(root / "runs" / "shop")]
    assert main([str(study), *options]) == code
    out = capsys.readouterr()
    assert line in out.out + out.err
    assert not (root / "runs").exists()
