"""Recommends to many made-up users: ``python tests/benchmarks/recommending.py [--users 630000]``.

Makes a catalogue and a model of IDs whose weights are drawn, exports it, writes a Parquet file of
histories in no order, and runs ``--recommend`` in a process of its own. Prints the time that took,
wall and CPU, and its peak memory (VmHWM). The lists say nothing: only their number and speed count.
"""

import argparse
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet  # noqa: E402
import torch  # noqa: E402

from morec.config import TrialConfig  # noqa: E402
from morec.data.dataset import load_dataset  # noqa: E402
from morec.encoders.artefacts import ArtefactStore  # noqa: E402
from morec.exports.trained import TrainedTrial  # noqa: E402
from morec.exports.write import write_export  # noqa: E402
from morec.trainer import Trainer  # noqa: E402
from morec.workers import Workers  # noqa: E402

MEAN_ITEMS = 20
"""Items of a history."""
RUN = """
import sys
from studies.run import main
code = main(sys.argv[1:])
print(open("/proc/self/status").read())
sys.exit(code)
"""


def main() -> None:
    """Make the files, run the command, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=630_000)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--k", type=int, default=10)
    args = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        item_ids = write_model(folder / "export", args.items, args.dim)
        num_rows = write_histories(folder / "histories.parquet", args.users, item_ids)
        start = time.perf_counter()
        words = ["--recommend", folder / "export", "--histories", folder / "histories.parquet"]
        words += ["--k", args.k, "--out", folder / "recs.parquet"]
        done = subprocess.run(
            [sys.executable, "-c", RUN, *map(str, words)],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        spent_s = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", done.stdout)[1]) / 2**20  # type: ignore[index]
        print(done.stdout.splitlines()[0])
        print(
            f"{args.users:,} users, {num_rows:,} rows, {len(item_ids):,} items, d = {args.dim}: "
            f"{spent_s:.0f} s ({used.ru_utime + used.ru_stime:.0f} s of CPU), peak memory "
            f"{peak:.2f} GiB, output "
            f"{(folder / 'recs.parquet').stat().st_size / 2**20:.0f} MiB"
        )


def write_model(folder: Path, num_items: int, dim: int) -> list[str]:
    """Export an untrained model of IDs; return the ids of its items."""
    data = {"kind": "synthetic", "num_users": num_items // 2, "num_items": num_items}
    config = TrialConfig.model_validate(
        {
            "dataset": data | {"max_seq_len": 20, "mean_seq_len": 22},
            "item": {"id": True},
            "model": {"dim": dim, "num_blocks": 2},
        }
    )
    dataset, store = load_dataset(config.dataset, ROOT), ArtefactStore(folder.parent / "store")
    trainer = Trainer(config, dataset, store, workers=Workers(), device=torch.device("cpu"))
    trial = TrainedTrial(config, dataset, store, (trainer.recommender.eval(),))
    write_export(folder, trial, {})
    return [dataset.name_of(item) for item in range(1, dataset.num_items + 1)]


def write_histories(path: Path, num_users: int, item_ids: list[str]) -> int:
    """Write histories in no order; return the number of rows."""
    draw = np.random.default_rng(0)
    lengths_U = draw.poisson(MEAN_ITEMS - 1, num_users) + 1
    users_n = np.repeat(np.arange(num_users), lengths_U)
    draw.shuffle(users_n)
    items_n = (len(item_ids) * draw.random(len(users_n)) ** 3).astype(np.int64)
    times_n = 1_600_000_000 + draw.integers(0, 10**8, len(users_n))
    columns = {
        "user_id": users_n,
        "item_id": pa.array(np.array(item_ids)).take(pa.array(items_n)),
        "timestamp": times_n,
    }
    pa.parquet.write_table(pa.table(columns), path)
    return len(users_n)


if __name__ == "__main__":
    main()
