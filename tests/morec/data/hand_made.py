"""Small datasets written down as lists, and the properties' settings."""

from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st
from PIL import Image

from morec.config import FilesSpec
from morec.data.dataset import Dataset

quick = settings(deadline=None, max_examples=60)


def dataset_of(windows: list[list[int]], num_items: int, max_seq_len: int = 3) -> Dataset:
    """Wrap windows of item ids as they are."""
    return Dataset(
        name="by hand",
        kind="files",
        is_synthetic=False,
        sha256="",
        num_users=len(windows),
        num_items=num_items,
        max_seq_len=max_seq_len,
        offsets_U1=np.cumsum([0] + [len(window) for window in windows]),
        item_ids=np.array([item for window in windows for item in window], dtype=np.int32),
        counts={},
    )


def windows_of(dataset: Dataset) -> list[list[int]]:
    """Return every user's window as a list."""
    bounds = zip(dataset.offsets_U1[:-1], dataset.offsets_U1[1:], strict=True)
    return [dataset.item_ids[start:end].tolist() for start, end in bounds]


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Draw a dataset with windows of 3 to L + 3 items, repeats included."""
    max_seq_len = draw(st.integers(1, 5))
    num_items = draw(st.integers(3, 12))
    window = st.lists(st.integers(1, num_items), min_size=3, max_size=max_seq_len + 3)
    windows = draw(st.lists(window, min_size=1, max_size=6))
    return dataset_of(windows, num_items, max_seq_len)


def write_interactions(folder: Path, rows: list[tuple[object, object, object]]) -> FilesSpec:
    """Write ``interactions.csv`` and describe it."""
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    table.to_csv(folder / "interactions.csv", index=False)
    return FilesSpec(kind="files", interactions="interactions.csv", min_seq_len=3)


def write_image(path: Path, shade: int = 0) -> None:
    """Write a grey picture of 20 x 10 pixels, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 10), (shade, shade, shade)).save(path)
