"""A study of MIND's size, from file to report: ``python tests/benchmarks/scale.py --out DIR``.

Makes interactions in no order, one row each, and runs a study of two ID arms for one epoch each:
BCE, and sampled cross-entropy. Prints what the whole took, and each trial's time and peak memory.
The ranks say nothing: the data are drawn. At its full size it needs about 6 GiB of memory.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet  # noqa: E402
import yaml  # noqa: E402

from reports.export.frames import load_study  # noqa: E402

MEAN_ITEMS = 20
"""Interactions of a user."""
STUDY = {
    "question": "What does a study of this size take?",
    "baseline": "BCE",
    "base": {
        "item": {"id": True},
        "optim": {"lr": 1e-3},
        "training": {"batch_size": 512, "max_epochs": 1},
    },
    "arms": {
        "BCE": {"training.loss": "bce"},
        "sampled CE": {
            "training": {"loss": "sampled_ce", "negatives": 256, "shared_negatives": True}
        },
    },
    "seeds": [1],
    "budget": {"trials": 0},
}


def main() -> None:
    """Make the data, run the command, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=630_000)
    parser.add_argument("--items", type=int, default=80_000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    data = args.out / "interactions.parquet"
    num_rows = write_interactions(data, args.users, args.items)
    study = args.out / "scale.yaml"
    dataset = {"kind": "files", "interactions": str(data), "max_seq_len": 20}
    base = STUDY["base"] | {"dataset": dataset, "model": {"dim": args.dim}}
    study.write_text(yaml.safe_dump(STUDY | {"base": base}))
    start = time.perf_counter()
    words = [ROOT / "studies" / "run.py", study, "--out", args.out / "runs"]
    code = subprocess.run([sys.executable, *map(str, words)], cwd=args.out, check=False).returncode
    spent_s = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{args.users:,} users, {num_rows:,} rows, {args.items:,} items, d = {args.dim}: exit code "
        f"{code}, {spent_s:.0f} s, driver {used.ru_utime + used.ru_stime:.0f} s of CPU and "
        f"{used.ru_maxrss / 2**20:.2f} GiB, study on disk {size_of(args.out / 'runs'):.0f} MiB, "
        f"data {size_of(data):.0f} MiB"
    )
    print(load_study(args.out / "runs").trials.to_string())


def write_interactions(path: Path, num_users: int, num_items: int) -> int:
    """Write rows in no order, popular items first in the numbering; return their number."""
    draw = np.random.default_rng(0)
    users_n = np.repeat(np.arange(num_users), draw.poisson(MEAN_ITEMS - 5, num_users) + 5)
    draw.shuffle(users_n)
    columns = {
        "user_id": users_n,
        "item_id": (num_items * draw.random(len(users_n)) ** 3).astype(np.int64),
        "timestamp": 1_600_000_000 + draw.integers(0, 10**8, len(users_n)),
    }
    pa.parquet.write_table(pa.table(columns), path)
    return len(users_n)


def size_of(path: Path) -> float:
    """MiB of a file, or of a folder's files."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files) / 2**20


if __name__ == "__main__":
    main()
