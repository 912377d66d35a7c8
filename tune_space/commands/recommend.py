"""``--recommend``: lists of items for the users of a file, by an exported model; needs no study."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from morec.data.files.sources import hash_files
from morec.errors import SpecError
from tune_space.commands.recommend_parts import Lists, recommend
from tune_space.commands.request import Answer, Request
from tune_space.inputs.histories import find_histories

if TYPE_CHECKING:
    from morec import Recommender

K = 10
"""Items a user, where ``--k`` is not given."""
FILES = ("config.yaml", "weights.safetensors")
"""What every exported folder has."""
ONE_OF_MANY = ("users", "users_without_known_items")


def answer(request: Request) -> Answer:
    """Write the lists of every user of ``--histories`` into ``--out``.

    Raises:
        SpecError: an option is missing or wrong, the output is there, or was begun otherwise.
        DataError: the folder is no export, or the histories cannot be read.
        FolderInUseError: another process makes this output.
    """
    folder, out = Path(request.argument), request.out
    path, k = request.options.get("histories"), request.options.get("k")
    k = K if k is None else k
    if problems := [*_option_problems(out, path, k), *_folder_problems(folder)]:
        raise SpecError(problems)
    model, device = _load(folder)
    # A user of the model's own, so that a k above the number of items is refused at once.
    model.recommend({"0": model.item_ids[:1]}, k=k)
    histories = find_histories(Path(str(path)), model.config.dataset)
    made_of = {
        "export": hash_files(sorted(one for one in folder.rglob("*") if one.is_file())),
        "histories": hash_files([histories.path]),
        "columns": histories.columns,
        "k": k,
        "device": device,
    }
    masks = model.config.evaluation.mask_history
    lists = Lists(model, histories, k, exclude_seen=masks)
    counts = recommend(lists, out, made_of)
    return Answer(tuple(_said(counts, out, lists)))


def _option_problems(out: Path, path: Path | None, k: int) -> Iterator[str]:
    if path is None:
        yield "--histories: is missing; give a table of user_id, item_id and maybe timestamp"
    elif not path.is_file():
        yield f"--histories: {path}: no such file"
    if k < 1:
        yield f"--k: {k}; allowed are 1 and more"
    if out.suffix != ".parquet":
        yield f"--out: {out} is no name of a Parquet file; give one like recs.parquet"
    elif out.exists():
        yield f"--out: {out} is there already and stays as it is; give another name"
    elif not out.absolute().parent.is_dir():
        yield f"--out: {out}: the folder {out.absolute().parent} does not exist"


def _folder_problems(folder: Path) -> Iterator[str]:
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        what = f"has no {' and no '.join(missing)}" if folder.is_dir() else "no such folder"
        yield f"--recommend: {folder}: {what}; give a folder that --export wrote"


def _load(folder: Path) -> "tuple[Recommender, str]":
    # It imports torch, which a wrong option need not wait for.
    import torch

    from morec import Recommender

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Recommender.load(folder, device=device), device


def _said(counts: Mapping[str, int], out: Path, lists: Lists) -> Iterator[str]:
    users, without = (counts.get(name, 0) for name in ONE_OF_MANY)
    seen = "without items of their histories" if lists.exclude_seen else "seen items among them"
    yield f"written: {out}: {users - without:,} users, at most {lists.k} items each, {seen}"
    if without:
        yield f"{without:,} of {users:,} users have no item that the model knows: no list"
    unknown, rows = counts.get("unknown_item_rows", 0), counts.get("rows_read", 0)
    if unknown:
        yield f"{unknown:,} of {rows:,} rows name items that the model does not know: left out"
    known = {*ONE_OF_MANY, "unknown_item_rows", "rows_read"}
    yield from (f"{name}: {number:,}" for name, number in counts.items() if name not in known)
    if lists.histories.time is None:
        yield "no column of times: a user's rows were taken to be in the order of time"
