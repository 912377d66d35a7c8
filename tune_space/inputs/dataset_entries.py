"""What the report and the plan say of each data set, prepared or not."""

from collections.abc import Sequence
from pathlib import Path

from morec.config import LEAVE_ONE_OUT, DatasetSpec, SplitSpec, Ties, TrialConfig
from morec.data.dataset import Dataset
from morec.data.interactions import Interactions
from morec.data.profile import DataProfile
from morec.data.profiling import load_profiled
from morec.data.slices import slicings
from morec.results import pack_ranks
from tune_space.inputs.prepare import Prepared, data_key
from tune_space.ledger.manifest import DatasetEntry, SliceEntry
from tune_space.study.arm import Arm


def dataset_entries(prepared: Prepared, arms: Sequence[Arm]) -> tuple[DatasetEntry, ...]:
    """What the report says of each data set under each condition.

    Several entries where arms read it differently.
    """
    made = {
        (label, data_key(config)): dataset_entry(prepared, label, config)
        for label, config in datasets_of(arms)
    }
    read = [(arm.dataset, data_key(arm.config), arm.condition) for arm in arms]
    return tuple(
        made[label, key].model_copy(update={"condition": condition})
        for label, key, condition in dict.fromkeys(read)
    )


def dataset_entry(prepared: Prepared, label: str, config: TrialConfig) -> DatasetEntry:
    """What the report says of a data set, which is prepared for it."""
    ties = config.dataset.ties
    return _dataset_entry(label, ties, prepared.dataset(config), prepared.profile(config))


def datasets_of(arms: Sequence[Arm]) -> list[tuple[str, TrialConfig]]:
    """Every data set that the arms read, by its label: for each way of reading and splitting it,
    the configuration of an arm."""
    read = {(arm.dataset, data_key(arm.config)): arm for arm in arms}
    return [(arm.dataset, arm.config) for arm in read.values()]


def profile_dataset(
    spec: DatasetSpec,
    root: Path,
    *,
    label: str = "",
    interactions: Interactions | None = None,
    split: SplitSpec = LEAVE_ONE_OUT,
) -> DatasetEntry:
    """Read a data set and describe it with its profile; nothing is written.

    ``root`` is the folder that relative paths in ``spec`` start from; ``label`` is the data set's
    key in a study. ``interactions`` are those of ``spec``, if they were read already.

    Raises:
        DataError: a source is missing or does not fit ``spec``, no user is left, or the data
            cannot be split so.
    """
    found = load_profiled(spec, root, interactions, split=split)
    return _dataset_entry(label, spec.ties, *found)


def _dataset_entry(label: str, ties: Ties, dataset: Dataset, profile: DataProfile) -> DatasetEntry:
    return DatasetEntry(
        name=dataset.name,
        dataset=label,
        sha256=dataset.sha256,
        is_synthetic=dataset.is_synthetic,
        num_users=dataset.num_users,
        num_items=dataset.num_items,
        num_interactions=len(dataset.item_ids),
        ties=ties,
        split=dataset.split,
        cuts_s=dataset.cuts_s,
        slices=tuple(
            SliceEntry(
                dimension=slicing.dimension,
                labels=slicing.labels,
                packed_codes=pack_ranks(slicing.codes_U),
            )
            for slicing in slicings(dataset, "test")
        ),
        counts=dict(dataset.counts),
        notes=dataset.notes,
        profile=profile,
    )
