"""Words of a user (templates, trackers, the command line) are understood or are an own error."""

import contextlib
import io

from hypothesis import given
from hypothesis import strategies as st

from morec.config.templates import fill, pieces_of, template_columns
from morec.errors import MorecError, SpecError
from studies.command_line import parse
from studies.commands import COMMANDS
from tests.fuzz.mutations import damaged, fuzzed
from tune_space.study.tracking import parse_tracker
from tune_space.study.url_secrets import hide_secrets

BRACES = [
    b"{",
    b"}",
    b"{{",
    b"}}",
    b"{0}",
    b"{a.b}",
    b"{a[0]}",
    b"{a!r}",
    b"{a:>9999999999}",
    b"{__class__}",
    b"{{{",
    b"\x00",
    b"{\xff}",
    b"{ }",
    b"{" * 500,
    b"{a:{b}}",
]


@fuzzed(150)
@given(damaged([b"{title}. {brand}", b"{{x}} {title}"], BRACES), st.text(max_size=20))
def test_any_template_is_filled_as_text_or_is_a_value_error(data: bytes, value: str) -> None:
    template = data.decode("utf-8", "replace")
    try:
        pieces = pieces_of(template)
    except ValueError as error:
        assert "template" in str(error) and "for example" in str(error)
        return
    columns = template_columns(template)
    assert columns and all(isinstance(column, str) and column for column in columns)
    # A value is text, whatever stands in it: braces in it are not read again.
    filled = fill(pieces, lambda name: value)
    assert " ".join(value.split()) in filled


ADDRESSES = [
    *(b"mlflow:https://host:5000/path", b"mlflow:sqlite:///mlflow.db", b"wandb:team/project"),
    *(
        b"tensorboard:runs/tb",
        b"optuna:sqlite:////tmp/optuna.db",
        b"optuna:mysql+x://h/db?charset=a",
    ),
    *(b"mlflow:https://user:hunter2@host/x", b"optuna:postgresql://user:hunter2@host/db"),
]
PARTS = [
    *(b":", b"//", b"@", b"?", b"#", b"[", b"]", b"[::1]", b":99999", b"%00", b"\x00", b"user:pw@"),
    *(b"..", b" ", b"\n", b"hunter2", "ｈｔｔｐ".encode(), b"x" * 3000, b"javascript:", b"\\"),
]


@fuzzed(150)
@given(damaged(ADDRESSES, PARTS))
def test_any_tracker_is_taken_or_a_spec_error(data: bytes) -> None:
    try:
        name, address = parse_tracker(data.decode("utf-8", "replace"))
    except SpecError as error:
        assert str(error).strip()
    else:
        assert name in ("mlflow", "wandb", "tensorboard", "optuna")
        assert address


SECRETS = st.text(st.characters(blacklist_categories=["Cs", "Z", "C"]), max_size=8)


@fuzzed(150)
@given(user=SECRETS, before=SECRETS, after=SECRETS, text=st.text(max_size=10))
def test_a_password_of_a_url_is_never_shown(user: str, before: str, after: str, text: str) -> None:
    url = f"mysql://{user}:{before}hunter2{after}@host/db"
    assert "hunter2" not in hide_secrets(f"{text} {url}")
    try:
        parse_tracker(f"optuna:{url}")
    except SpecError as error:
        assert "hunter2" not in str(error)
    else:
        raise AssertionError(url)


WORDS = st.one_of(
    st.sampled_from([f"--{name}" for name in COMMANDS]),
    st.sampled_from([f"--{one}" for command in COMMANDS.values() for one in command.options]),
    st.sampled_from(["--out", "--only", "--set", "--quick", "--fresh", "--help", "--", "-", "--o"]),
    st.sampled_from(["smoke", "smoke.yaml", ".", "..", "/", "/dev/null", "a/b", "optim.lr=1", "="]),
    st.sampled_from(["\x00", "x" * 5000, "@file", "%s", "%(prog)s", "\udcff", "--k=9", "-1", ""]),
    st.text(max_size=6),
)


@fuzzed(150)
@given(st.lists(WORDS, max_size=5))
def test_any_command_line_is_understood_or_refused_with_exit_code_2(words: list[str]) -> None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            args = parse(words)
    except SystemExit as end:
        assert end.code == (
            0 if "usage" in said.getvalue() and "error:" not in said.getvalue() else 2
        )
    except MorecError as error:
        assert str(error).strip()
    else:
        assert args.command is None or args.command in COMMANDS
