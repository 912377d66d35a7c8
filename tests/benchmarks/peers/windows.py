"""Writes the windows of a study's data set for programs that do not know ours.

``python tests/benchmarks/peers/windows.py STUDY.yaml OUT.npz``
"""

import sys
from pathlib import Path

import numpy as np

from morec.data.dataset import load_dataset
from tune_space.study.expand import expand
from tune_space.study.load import load_study


def write_windows(study_file: Path, out: Path) -> None:
    """Write ``offsets_U1`` and ``item_ids`` of the study's one data set: items 1..N in time order.

    The last item of a user's window is the test target, the one before the validation target.
    """
    study = load_study(study_file)
    dataset = load_dataset(expand(study)[0].config.dataset, Path.cwd())
    np.savez(
        out,
        offsets_U1=np.asarray(dataset.offsets_U1),
        item_ids=np.asarray(dataset.item_ids),
        max_seq_len=dataset.max_seq_len,
    )
    print(f"{out}: {dataset.num_users} users, {dataset.num_items} items")


if __name__ == "__main__":
    write_windows(Path(sys.argv[1]), Path(sys.argv[2]))
