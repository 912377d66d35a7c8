"""A damaged study file is read as a study or raises a ``SpecError``."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from morec.errors import SpecError
from tests.fuzz.mutations import damaged, fuzzed
from tests.integration.command import STUDY
from tune_space.study.expand import expand
from tune_space.study.load import load_study, parse_study

SMALL = (
    """
question: q
baseline: a
datasets: {one: {dataset: {kind: synthetic}}, two: {dataset: {kind: mind, folder: x}}}
base: {item: {id: true}, optim: {lr: 1e-3}}
arms:
  a: {}
  b: {item.text.name: minilm, datasets: [one], search: {item.text.pooling: {choice: [cls, mean]}}}
search: {optim.lr: {loguniform: [1e-4, 1e-1]}, model.dim: {int: [2, 4], when: {item.id: true}}}
budget: {trials: 2, hours: 1}
seeds: [1, 2]
contrasts: [{better: b, than: a}]
quick: {budget: {trials: 1}, seeds: [1]}
""",
    """
question: q
baseline: best
base: {dataset: {kind: synthetic}, item: {id: true}}
one_factor_out: {model.dim: [8, 16], training.loss: [bce, in_batch_ce]}
""",
    """
question: q
baseline: dim=8
base: {dataset: {kind: synthetic}, item: {id: true}}
factors: {model.dim: [8, 16]}
""",
)
STUDIES = [text.encode() for text in (*SMALL, STUDY)]
SNIPPETS = [
    *(b"&a ", b"*a", b"<<: *a", b"!!python/object/apply:os.system ['true']", b"!!binary aa=="),
    *(b"[", b"]", b"{", b"}", b"null", b"~", b".inf", b"1e999", b"0x" + b"f" * 40, b"9" * 400),
    *(b"true", b"- ", b"? ", b": ", b"|\n", b">\n", b"'", b'"', b"#", b"---\n", b"%YAML 9.9\n"),
    *(b"\t", b"\x00", b"\r", b"\xff", b"\xed\xa0\x80", "é\u2028\U0001f600".encode(), b"[" * 60),
    *(b"kind", b"item.text", b"item", b"..", b".", b"a.b.c.d", b"quick", b"when", b"search", b"-1"),
    *(b"set", b"start", b"budget: {trials: 99999999999}", b"choice", b"uniform: [1, 1]", b"seeds"),
]


def read(text: str, overrides: tuple[str, ...] = ()) -> None:
    """Parse and expand, as the command does before anything runs."""
    try:
        expand(parse_study(text, overrides=overrides))
    except SpecError as error:
        assert error.problems
        assert all(problem.strip() for problem in error.problems)


@fuzzed(150)
@given(damaged(STUDIES, SNIPPETS))
def test_a_damaged_study_is_a_study_or_a_spec_error(data: bytes) -> None:
    read(data.decode("utf-8", "replace"))


@fuzzed(100)
@given(st.text(max_size=300))
def test_any_text_is_a_study_or_a_spec_error(text: str) -> None:
    read(text)


@fuzzed(100)
@given(damaged(STUDIES, SNIPPETS))
def test_any_bytes_in_a_study_file_are_a_study_or_a_spec_error(
    tmp_path_factory, data: bytes
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    path.write_bytes(data)
    try:
        load_study(path)
    except SpecError as error:
        assert str(path) in str(error)


OVERRIDES = [b"optim.lr=1e-3", b"budget.trials=3", b"arms.a.model.dim=4", b"seeds=[1]", b"name=x"]


@fuzzed(150)
@given(st.lists(damaged(OVERRIDES, [*SNIPPETS, b"=", b"base", b"arms"]), max_size=3))
def test_any_override_is_taken_or_a_spec_error(overrides: list[bytes]) -> None:
    read(SMALL[0], tuple(text.decode("utf-8", "replace") for text in overrides))
