"""What many trials share, made once before the first of them: data, yardsticks, frozen features."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

from morec.config import DatasetSpec, ItemSpec, TrialConfig, canonical_json
from morec.data.dataset import Dataset, load_dataset, open_dataset, save_dataset, source_hash
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.item import prepare_item_inputs
from morec.encoders.second_round import losses_of
from morec.encoders.weights import weights_hash
from morec.yardsticks import chance_metrics, popularity_evaluation
from tune_space.expand import Arm, configure, draw
from tune_space.ledger import DatasetEntry, Preparation, Reference
from tune_space.study import ParamSpec, Value

STORE_FOLDER = "artefacts"
"""Beside the studies' output folders, so that studies share features."""


@dataclass
class Prepared:
    """The shared inputs of a study's trials."""

    root: Path
    """Folder that relative paths of the study file start from."""
    store: ArtefactStore
    _folders: dict[str, Path] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Absolute, because the files of encoders are looked up from inside root.
        self.root = self.root.resolve()
        self.store = ArtefactStore(self.store.folder.resolve())

    def sources(self, config: TrialConfig) -> dict[str, str]:
        """Hashes of the data and weights ``config`` points at."""
        with chdir(self.root):
            weights = {part: weights_hash(spec) for part, spec in config.item.modalities.items()}
        return {"data": self.data_hash(config.dataset), **weights}

    def data_hash(self, spec: DatasetSpec) -> str:
        """Hash of the files behind a dataset, computed once."""
        key = _key(spec)
        if key not in self._hashes:
            self._hashes[key] = source_hash(spec, self.root)
        return self._hashes[key]

    def dataset_folder(self, spec: DatasetSpec) -> Path:
        """Where the windowed dataset lies, ready to be memory-mapped; made if need be."""
        key = _key(spec)
        if key not in self._folders:
            artefact = self.store.get_or_make(
                "dataset",
                {"spec": spec.model_dump(mode="json"), "source": self.data_hash(spec)},
                lambda folder: save_dataset(load_dataset(spec, self.root), folder),
            )
            self._folders[key] = artefact.path
        return self._folders[key]

    def dataset(self, spec: DatasetSpec) -> Dataset:
        """The windowed dataset, memory-mapped."""
        return open_dataset(self.dataset_folder(spec))


def prepare_items(prepared: Prepared, arms: Sequence[Arm]) -> tuple[Preparation, ...]:
    """Make every artefact the arms' item encoders read, also for searched encoder choices."""
    found: dict[str, tuple[str, Artefact]] = {}
    users: dict[str, dict[str, None]] = {}
    for arm in arms:
        for config in _item_variants(arm):
            dataset = prepared.dataset(config.dataset)
            with chdir(prepared.root):
                inputs = prepare_item_inputs(config.item, dataset, prepared.store)
            for name, artefact in inputs.items():
                key = artefact.path.name
                found[key] = (name, artefact)
                users.setdefault(key, {})[arm.name] = None
    return tuple(
        Preparation(
            name=name,
            key=key,
            seconds=artefact.seconds,
            num_bytes=artefact.num_bytes,
            used_by=tuple(users[key]),
            losses=losses_of(artefact),
        )
        for key, (name, artefact) in found.items()
    )


def dataset_entries(prepared: Prepared, arms: Sequence[Arm]) -> tuple[DatasetEntry, ...]:
    """What the report says of each dataset."""
    return tuple(_dataset_entry(prepared.dataset(spec)) for spec in _dataset_specs(arms).values())


def references(prepared: Prepared, arms: Sequence[Arm]) -> tuple[Reference, ...]:
    """Popularity and chance on the baseline's dataset; free, untrained, in every table."""
    config = arms[0].config
    dataset, ks = prepared.dataset(config.dataset), config.evaluation.ks
    candidates = config.evaluation.candidates
    valid, test = (
        popularity_evaluation(dataset, split, ks, candidates) for split in ("valid", "test")
    )
    return (
        Reference(name="popularity", valid=valid.metrics, test=test.metrics, test_evaluation=test),
        Reference(
            name="chance",
            valid=chance_metrics(dataset, "valid", ks, candidates),
            test=chance_metrics(dataset, "test", ks, candidates),
        ),
    )


def _dataset_entry(dataset: Dataset) -> DatasetEntry:
    return DatasetEntry(
        name=dataset.name,
        sha256=dataset.sha256,
        is_synthetic=dataset.is_synthetic,
        num_users=dataset.num_users,
        num_items=dataset.num_items,
        num_interactions=len(dataset.item_ids),
        counts=dict(dataset.counts),
    )


def _dataset_specs(arms: Sequence[Arm]) -> Mapping[str, DatasetSpec]:
    return {_key(arm.config.dataset): arm.config.dataset for arm in arms}


def _item_variants(arm: Arm) -> Iterator[TrialConfig]:
    """The arm with every combination of searched choices that changes what an encoder reads."""
    choices = {
        path: param.choice
        for path, param in arm.space.items()
        if path.startswith(("item.", "dataset")) and param.choice
    }
    seen = set()
    for values in product(*choices.values()):
        chosen = dict(zip(choices, values, strict=True))
        params = draw(arm, partial(_chosen_or_any, chosen))
        config = configure(arm.config, params, seed=arm.config.seed, test=False)
        variant = (_key(config.dataset), _key(config.item))
        if variant not in seen:
            seen.add(variant)
            yield config


def _chosen_or_any(chosen: Mapping[str, Value], path: str, param: ParamSpec) -> Value:
    return chosen[path] if path in chosen else param.probes()[0]


def _key(spec: DatasetSpec | ItemSpec) -> str:
    return canonical_json(spec.model_dump(mode="json"))
