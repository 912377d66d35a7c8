"""What a sentence-transformers folder says is read as its authors meant it, or refused."""

from pathlib import Path
from typing import Any

import pytest

from morec.config import TextSpec
from morec.encoders.weights.sentence_folders import (
    SentenceFolder,
    named_prompt,
    prompts_of,
    read_sentence_folder,
    sentence_files,
)
from morec.encoders.weights.text import text_folder, text_hash
from morec.errors import DataError, SpecError
from tests.morec.encoders.sentence_folders import _write, sentence_copy, write_steps

PROMPTS = {"prompts": {"query": "query: ", "document": "", "passage": "passage: "}}


def test_the_packaged_minilm_says_what_its_wheel_says(minilm: None) -> None:
    said = read_sentence_folder(text_folder(TextSpec(name="minilm")), "minilm")
    assert said == SentenceFolder(
        pooling="mean",
        normalizes=True,
        includes_prompt=True,
        lowercases=False,
        max_tokens=256,
        prompts={},
        default_prompt="",
    )


@pytest.mark.parametrize("is_old", [True, False])
@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode": "lasttoken"}, "last"),
        ({"pooling_mode": ["cls"]}, "cls"),
        ({"word_embedding_dimension": 8}, "mean"),
    ],
)
def test_every_way_of_writing_a_pooling_is_read(
    tmp_path: Path, pooling: dict[str, Any], expected: str, *, is_old: bool
) -> None:
    write_steps(tmp_path, pooling=pooling, is_old=is_old)
    assert read_sentence_folder(tmp_path, "mine").pooling == expected


def test_a_folder_says_its_prompts_length_and_lower_casing(tmp_path: Path) -> None:
    write_steps(
        tmp_path,
        steps=("Transformer", "Pooling"),
        transformer={"max_seq_length": 128, "do_lower_case": True},
        prompts={**PROMPTS, "default_prompt_name": "passage"},
    )
    said = read_sentence_folder(tmp_path, "mine")
    assert (said.normalizes, said.lowercases, said.max_tokens) == (False, True, 128)
    assert said.prompts == PROMPTS["prompts"]
    assert said.default_prompt == "passage: "


def test_a_prompt_is_found_by_its_name_or_refused_with_those_there_are(tmp_path: Path) -> None:
    write_steps(tmp_path, prompts=PROMPTS)
    assert named_prompt(tmp_path, "query", "mine") == "query: "
    assert named_prompt(tmp_path, "document", "mine") == ""
    with pytest.raises(SpecError) as error:
        named_prompt(tmp_path, "pasage", "mine")
    assert str(error.value) == (
        "item.text.prompt_name: 'pasage' is no prompt of 'mine'; it has document, passage, query. "
        "Did you mean 'passage'? A prompt of your own: item.text.prompt"
    )
    (tmp_path / "config_sentence_transformers.json").unlink()
    with pytest.raises(SpecError, match=r"'query' is no prompt of 'mine'; it has no prompts\."):
        named_prompt(tmp_path, "query", "mine")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"steps": ("Transformer", "Pooling", "Dense", "Normalize")},
            "'mine' has the steps Transformer, Pooling, Dense, Normalize; supported: Transformer, "
            "Pooling or Transformer, Pooling, Normalize. Allowed: cls, mean, last, which read the",
        ),
        ({"steps": ("Transformer", "Normalize", "Pooling")}, "has the steps Transformer, Norm"),
        ({"steps": ("Transformer", "Pooling", "Pooling")}, "has the steps Transformer, Pooling;"),
        (
            {"pooling": {"pooling_mode": "max"}},
            "'mine' pools by max; supported: cls, mean, lasttoken",
        ),
        (
            {"pooling": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}},
            "'mine' pools by cls and mean; supported: cls, mean, lasttoken",
        ),
    ],
)
def test_what_is_not_supported_is_refused(
    tmp_path: Path, said: dict[str, Any], message: str
) -> None:
    write_steps(tmp_path, **said)
    with pytest.raises(SpecError) as error:
        read_sentence_folder(tmp_path, "mine")
    assert message in str(error.value)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        read_sentence_folder(tmp_path, "mine")
    assert str(error.value) == (
        "item.text.pooling: own, but 'mine' is no sentence-transformers folder: it has no "
        "modules.json; allowed: cls, mean, last"
    )


BERT, OF_PROMPTS = "sentence_bert_config.json", "config_sentence_transformers.json"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("modules.json", "{", "modules.json: cannot be read"),
        ("modules.json", "[" * 100_000, "modules.json: cannot be read"),
        ("modules.json", "[3]", "modules.json: no list of steps with type and path"),
        ("1_Pooling/config.json", "[]", "config.json: expected a JSON object"),
        ("1_Pooling/config.json", '{"include_prompt": 1}', "prompt is 1; allowed: true or false"),
        (OF_PROMPTS, '{"prompts": true}', f"{OF_PROMPTS}: prompts is True; allowed: a mapping"),
        (OF_PROMPTS, '{"default_prompt_name": 3}', "default_prompt_name is 3; allowed: text"),
        (BERT, '{"max_seq_length": "many"}', f"{BERT}: max_seq_length is 'many'; allowed: a whole"),
        (BERT, '{"do_lower_case": "no"}', "do_lower_case is 'no'; allowed: true or false"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, file: str, content: str, message: str) -> None:
    write_steps(tmp_path)
    (tmp_path / file).write_text(content)
    with pytest.raises(DataError, match=message):
        read_sentence_folder(tmp_path, "mine")


def test_what_a_folder_says_is_part_of_the_identity_where_it_is_read(
    tmp_path: Path, saved_encoders: dict[str, Path]
) -> None:
    folder = sentence_copy(saved_encoders["bert"], tmp_path / "one", prompts=PROMPTS)
    own, cls = (TextSpec(name=str(folder), pooling=pooling) for pooling in ("own", "cls"))
    fresh = own.model_copy(update={"pretrained": False})
    before = {spec: text_hash(spec) for spec in (own, cls, fresh)}
    assert len(set(before.values())) == 3
    assert before[fresh].startswith("random-")
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode": "cls"}')
    assert text_hash(cls) == before[cls]
    assert text_hash(own) != before[own]
    assert text_hash(fresh) != before[fresh]


def test_what_a_folder_does_not_say_has_its_usual_meaning(tmp_path: Path) -> None:
    write_steps(tmp_path, steps=("Transformer", "Pooling"), pooling={"pooling_mode": "cls"})
    assert read_sentence_folder(tmp_path, "mine") == SentenceFolder(
        pooling="cls",
        normalizes=False,
        includes_prompt=True,
        lowercases=False,
        max_tokens=None,
        prompts={},
        default_prompt="",
    )
    _write(tmp_path / "1_Pooling/config.json", {"pooling_mode": "cls", "include_prompt": False})
    assert not read_sentence_folder(tmp_path, "mine").includes_prompt


def test_of_several_files_of_the_transformer_the_first_by_name_counts(tmp_path: Path) -> None:
    write_steps(tmp_path)
    lengths = {"xlnet": 60, "bert": 10, "roberta": 50, "camembert": 20, "mpnet": 40, "distil": 30}
    files = {length: tmp_path / f"sentence_{name}_config.json" for name, length in lengths.items()}
    for length, file in files.items():
        _write(file, {"max_seq_length": length})
    for length in sorted(files):  # A folder lists its files in an order of its own.
        assert read_sentence_folder(tmp_path, "mine").max_tokens == length
        files[length].unlink()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"prompts": {"a": "A: ", "b": 3, "c": None}}, {"a": "A: "}),
        ({"prompts": None}, {}),
        ({"other": 1}, {}),
    ],
)
def test_prompts_are_texts(tmp_path: Path, said: dict[str, Any], expected: dict[str, str]) -> None:
    assert prompts_of(tmp_path) == {}
    write_steps(tmp_path, prompts=said)
    assert prompts_of(tmp_path) == expected


def test_the_files_that_say_it_are_those_that_there_are(tmp_path: Path) -> None:
    write_steps(tmp_path)
    steps = {"modules.json", "1_Pooling/config.json"}
    assert set(sentence_files(tmp_path)) == steps
    write_steps(tmp_path, transformer={"max_seq_length": 9}, prompts=PROMPTS)
    _write(tmp_path / "config.json", {})
    _write(tmp_path / "other/config.json", {})
    expected = {*steps, "sentence_bert_config.json", "config_sentence_transformers.json"}
    assert sentence_files(tmp_path) == {name: tmp_path / name for name in expected}


def test_own_pooling_of_a_folder_that_says_none_is_refused_before_it_has_a_hash(
    saved_encoders: dict[str, Path],
) -> None:
    with pytest.raises(SpecError, match="is no sentence-transformers folder"):
        text_hash(TextSpec(name=str(saved_encoders["bert"]), pooling="own"))
