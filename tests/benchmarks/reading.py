"""Case: peak memory and time of reading made-up interactions, per million rows."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from morec.config.datasets import FilesSpec
from morec.data.dataset import load_dataset
from tests.benchmarks.measure import Row, cpu_seconds, peak_mib
from tests.benchmarks.settings import Settings

ROWS_OF_A_USER = 100
NUM_ITEMS = 20_000


def reading(settings: Settings) -> list[Row]:
    """A CSV file of ``kind: files``: what its second million rows add to the first."""
    million = settings.size(1_000_000, 20_000)
    peaks, seconds = zip(*(_read(settings.folder, n * million) for n in (1, 2)), strict=True)
    case = f"reading {2 * million:,} interactions"
    return [
        Row(case, f"peak memory of {million:,} more", "MiB", (peaks[1] - peaks[0],)),
        Row(case, f"{million:,} more", "CPU s", (seconds[1] - seconds[0],)),
    ]


def _read(folder: Path, num_rows: int) -> tuple[float, float]:
    """MiB and CPU seconds of reading a file of so many rows."""
    draw = np.random.default_rng(0)
    columns = {
        "user_id": np.arange(num_rows) // ROWS_OF_A_USER,
        "item_id": draw.integers(1, NUM_ITEMS + 1, num_rows),
        "timestamp": 1_600_000_000 + draw.integers(0, 10**8, num_rows),
    }
    path = folder / f"{num_rows}.csv"
    pa.csv.write_csv(pa.table(columns), path)
    spec = FilesSpec(kind="files", interactions=path.name)
    del columns
    seconds: list[float] = []
    peak = peak_mib(lambda: seconds.append(cpu_seconds(lambda: load_dataset(spec, folder))))
    path.unlink()
    return peak, seconds[0]
