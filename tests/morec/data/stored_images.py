"""Writes images into the places that a study may read them from."""

import io
import os
import pickle
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


class LMDB_Image:
    """A class like that of the paper's scripts; pickles ask for its name."""

    def __init__(self, image: np.ndarray, name: int) -> None:
        self.channels = image.shape[2]
        self.size = image.shape[:2]
        self.image = image.tobytes()
        self.id = name


class RunsCode:
    """What a pickle may ask for."""

    def __reduce__(self) -> Any:
        return os.system, ("exit 3",)


def encoded(shade: int) -> bytes:
    """The bytes of a grey PNG of 20 x 10 pixels."""
    stream = io.BytesIO()
    Image.new("RGB", (20, 10), (shade, shade, shade)).save(stream, "PNG")
    return stream.getvalue()


def pickled(image: np.ndarray) -> bytes:
    """An image as the paper's scripts write it."""
    return pickle.dumps(LMDB_Image(image, 5))


def write_lmdb(path: Path, values: dict[str, bytes], *, is_folder: bool = True) -> Path:
    """An LMDB with one value a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        lmdb.open(str(path), subdir=is_folder, map_size=2**22) as environment,
        environment.begin(write=True) as transaction,
    ):
        for name, value in values.items():
            transaction.put(name.encode(), value)
    return path


def write_parquet(path: Path, values: dict[str, bytes | None], rows_per_group: int = 2) -> Path:
    """A Parquet file of several row groups."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"item_id": list(values), "image": pa.array(values.values(), pa.binary())})
    pq.write_table(table, path, row_group_size=rows_per_group)
    return path
