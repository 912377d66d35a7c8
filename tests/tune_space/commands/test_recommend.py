"""Lists for a file of users: the model's own, whatever the parts; interrupted, refused, counted."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from filelock import FileLock

from morec import Recommender
from morec.errors import DataError, FolderInUseError, SpecError
from tests.tune_space.commands.exported_trials import exporter, prepared_in, recorded
from tune_space.commands import recommend_parts
from tune_space.commands.recommend import answer
from tune_space.commands.request import Request
from tune_space.inputs import histories


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    prepared = prepared_in(tmp_path_factory.mktemp("study"))
    exporter(recorded(prepared), prepared).export(prepared.root / "ID", str)
    return prepared.root / "ID"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "PART_ROWS", 4)
    monkeypatch.setattr(recommend_parts, "USERS", 2)


def table(export: Path, num_users: int = 12) -> pd.DataFrame:
    """Histories of one to five known items, a user's rows together."""
    items = Recommender.load(export).item_ids
    rows = [(f"u{u}", items[(3 * u + n) % len(items)]) for u in range(num_users)
            for n in range(1 + u % 5)]  # fmt: skip
    return pd.DataFrame(rows, columns=["user_id", "item_id"])


def ask(export: Path, rows: pd.DataFrame, folder: Path, k: int | None = 3) -> tuple[str, ...]:
    """The lines that ``--recommend`` answers; the lists are in ``recs.parquet``."""
    rows.to_csv(folder / "h.csv", index=False)
    options = {"histories": folder / "h.csv", "k": k}
    return answer(Request(folder / "recs.parquet", export, options)).lines


def lists_in(folder: Path) -> pd.DataFrame:
    found = pd.read_parquet(folder / "recs.parquet")
    return found.sort_values(["user_id", "rank"], ignore_index=True)


def own_lists(export: Path, rows: pd.DataFrame, k: int = 3) -> pd.DataFrame:
    """What the model says of all users at once."""
    made = Recommender.load(export).recommend(rows, k=k)
    return made.sort_values(["user_id", "rank"], ignore_index=True)


def test_lists_are_the_models_own(export, tmp_path, small_parts) -> None:
    rows = table(export)
    lines = ask(export, rows, tmp_path)
    assert "12 users, at most 3 items each" in lines[0]
    assert "in the order of time" in lines[-1]
    found, own = lists_in(tmp_path), own_lists(export, rows)
    for name in ("user_id", "rank", "item_id"):
        assert found[name].tolist() == own[name].tolist()
    assert found["score"].to_numpy() == pytest.approx(own["score"].to_numpy(), rel=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {"h.csv", "recs.parquet"}


def test_an_interrupted_run_goes_on_with_what_is_missing(
    export, tmp_path, small_parts, monkeypatch
) -> None:
    rows, asked = table(export), []
    make = Recommender.recommend

    def interrupted(self, given, **options) -> pd.DataFrame:
        asked.append(given)
        if len(asked) == 6:
            raise KeyboardInterrupt
        return make(self, given, **options)

    monkeypatch.setattr(Recommender, "recommend", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ask(export, rows, tmp_path)
    parts = tmp_path / "recs.parquet.parts" / "histories"
    made = {path: path.read_bytes() for path in parts.glob("*.parquet")}
    assert made
    assert not (tmp_path / "recs.parquet").exists()
    with pytest.raises(SpecError, match=r"began this output with k 3, not 4\. Delete the folder"):
        ask(export, rows, tmp_path, k=4)
    with pytest.raises(SpecError, match="began this output with histories "):
        ask(export, rows[1:], tmp_path)
    assert {path: path.read_bytes() for path in parts.glob("*.parquet")} == made
    before = len(asked)
    ask(export, rows, tmp_path)
    # Each run also asks about one user of its own.
    tables = [given for given in asked[before:] if isinstance(given, pd.DataFrame)]
    users_again = {user for given in tables for user in given["user_id"]}
    assert users_again
    assert users_again < set(rows["user_id"])
    own = own_lists(export, rows)
    assert lists_in(tmp_path)["item_id"].tolist() == own["item_id"].tolist()


def test_what_the_model_does_not_know_is_counted_and_said(export, tmp_path) -> None:
    rows = table(export, 2)
    rows.loc[len(rows)] = ["u0", "new"]
    rows.loc[len(rows)] = ["nobody", "new"]
    lines = "\n".join(ask(export, rows, tmp_path))
    assert "1 of 3 users have no item that the model knows: no list" in lines
    assert f"2 of {len(rows)} rows name items that the model does not know" in lines
    assert set(lists_in(tmp_path)["user_id"]) == {"u0", "u1"}


def test_every_wrong_option_is_named_at_once(export, tmp_path) -> None:
    request = Request(Path("runs"), tmp_path, {"histories": None, "k": 0})
    with pytest.raises(SpecError) as error:
        answer(request)
    assert [problem.split(":")[0] for problem in error.value.problems] == [
        "--histories", "--k", "--out", "--recommend",
    ]  # fmt: skip
    assert "has no config.yaml and no weights.safetensors" in error.value.problems[-1]
    (tmp_path / "recs.parquet").touch()
    with pytest.raises(SpecError, match="is there already and stays as it is"):
        ask(export, table(export), tmp_path)


def test_more_items_than_there_are_is_refused_before_a_row_is_read(export, tmp_path) -> None:
    with pytest.raises(DataError, match="k: 9999; allowed: 1 to "):
        ask(export, table(export), tmp_path, k=9999)
    assert {path.name for path in tmp_path.iterdir()} == {"h.csv"}


def test_one_process_at_a_time_makes_an_output(export, tmp_path) -> None:
    parts = tmp_path / "recs.parquet.parts"
    parts.mkdir()
    with FileLock(parts / ".lock"), pytest.raises(FolderInUseError, match="another process"):
        ask(export, table(export), tmp_path)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b"[" * 100_000])
def test_parts_that_do_not_say_what_they_are_of_are_refused(export, tmp_path, content) -> None:
    parts = tmp_path / "recs.parquet.parts"
    parts.mkdir()
    (parts / "made_of.json").write_bytes(content)
    with pytest.raises(DataError, match=r"made_of\.json: .* cannot be read: .*\. Delete it$"):
        ask(export, table(export), tmp_path)


@pytest.mark.parametrize("ending", ["arrow", "parquet"])
def test_a_broken_part_is_named(export, tmp_path, small_parts, monkeypatch, ending) -> None:
    """Every part is made, and the output is not, as where a run was killed."""

    def killed(*arguments) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(recommend_parts, "_join", killed)
        ask(export, table(export), tmp_path)
    part = next((tmp_path / "recs.parquet.parts" / "histories").glob(f"*.{ending}"))
    part.write_bytes(b"broken")
    with pytest.raises(DataError, match=f"{part.name}: a part of an interrupted run cannot be"):
        ask(export, table(export), tmp_path)
