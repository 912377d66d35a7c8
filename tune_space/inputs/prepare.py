"""What many trials share, made once before the first of them: data, yardsticks, frozen features."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

from morec.config import (
    DatasetSpec,
    ImageSpec,
    ItemSpec,
    TextSpec,
    TrialConfig,
    canonical_json,
)
from morec.data.dataset import Dataset, load_dataset, open_dataset, save_dataset, source_hash
from morec.data.slices import slicings
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.families import weights_hash
from morec.encoders.item import prepare_item_inputs
from morec.encoders.second_round import losses_of
from morec.encoders.weights.text import TINY_RANDOM
from morec.references import chance_metrics, popularity_evaluation
from morec.results import pack_ranks
from tune_space.ledger.records import DatasetEntry, Manifest, Preparation, Reference, SliceEntry
from tune_space.study.expand import Arm, configure, draw
from tune_space.study.spec import ParamSpec, Value, full_name


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
        store = self.store
        # Verified, because the driver looks at every artefact before the trials, which trust it.
        self.store = ArtefactStore(store.folder.resolve(), store.storage, verify=True)

    def sources(self, config: TrialConfig) -> dict[str, str]:
        """Hashes of the data and weights ``config`` points at."""
        parts = config.item.modalities.items()
        weights = {part: self.weights_hash(spec) for part, spec in parts}
        return {"data": self.data_hash(config.dataset), **weights}

    def weights_hash(self, spec: TextSpec | ImageSpec) -> str:
        """Hash of the weights an encoder starts from; paths are relative to the study file."""
        with chdir(self.root):
            return weights_hash(spec)

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
        for config in item_variants(arm):
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


def weights_used(prepared: Prepared, arms: Sequence[Arm]) -> dict[TextSpec | ImageSpec, str]:
    """Every encoder of the arms that reads files, and the hash of what it starts from."""
    specs = {
        spec
        for arm in arms
        for config in item_variants(arm)
        for spec in config.item.modalities.values()
        if not spec.name.startswith(TINY_RANDOM)
    }
    return {spec: prepared.weights_hash(spec) for spec in sorted(specs, key=repr)}


def with_inactive(
    manifest: Manifest, earlier: Manifest, arms: Sequence[Arm], active: Sequence[Arm]
) -> Manifest:
    """Add what an earlier run wrote down and only arms that rest in this run need."""
    in_use = {arm.dataset for arm in active}
    labels = {arm.dataset for arm in arms} - in_use
    resting = {arm.name for arm in arms} - {arm.name for arm in active}
    made = {each.key: each for each in manifest.preparations}
    for each in earlier.preparations:
        if users := tuple(name for name in each.used_by if name in resting):
            known = made[each.key].used_by if each.key in made else ()
            made[each.key] = each.model_copy(update={"used_by": (*known, *users)})
    datasets = (each for each in earlier.datasets if each.dataset in labels)
    yardsticks = (each for each in earlier.references if each.dataset in labels)
    return manifest.model_copy(
        update={
            "datasets": (*manifest.datasets, *datasets),
            "references": (*manifest.references, *yardsticks),
            "preparations": tuple(made.values()),
        }
    )


def dataset_entries(prepared: Prepared, arms: Sequence[Arm]) -> tuple[DatasetEntry, ...]:
    """What the report says of each data set, arm by arm where arms read them differently."""
    specs = {
        (arm.dataset, _key(arm.config.dataset)): (arm.dataset, arm.config.dataset) for arm in arms
    }
    return tuple(_dataset_entry(label, prepared.dataset(spec)) for label, spec in specs.values())


def references(prepared: Prepared, arms: Sequence[Arm], baseline: str) -> tuple[Reference, ...]:
    """Popularity and chance on each data set, as its baseline reads it; untrained."""
    of_label: dict[str, Arm] = {}
    for arm in arms:
        if arm.dataset not in of_label or arm.name == full_name(arm.dataset, baseline):
            of_label[arm.dataset] = arm
    return tuple(one for arm in of_label.values() for one in _references(prepared, arm))


def _references(prepared: Prepared, arm: Arm) -> tuple[Reference, Reference]:
    evaluation = arm.config.evaluation
    dataset, ks, candidates = (
        prepared.dataset(arm.config.dataset),
        evaluation.ks,
        evaluation.candidates,
    )
    valid, test = (
        popularity_evaluation(dataset, split, ks, candidates) for split in ("valid", "test")
    )
    return (
        Reference(
            name="popularity",
            dataset=arm.dataset,
            valid=valid.metrics,
            test=test.metrics,
            test_evaluation=test,
        ),
        Reference(
            name="chance",
            dataset=arm.dataset,
            valid=chance_metrics(dataset, "valid", ks, candidates),
            test=chance_metrics(dataset, "test", ks, candidates),
        ),
    )


def _dataset_entry(label: str, dataset: Dataset) -> DatasetEntry:
    return DatasetEntry(
        name=dataset.name,
        dataset=label,
        sha256=dataset.sha256,
        is_synthetic=dataset.is_synthetic,
        num_users=dataset.num_users,
        num_items=dataset.num_items,
        num_interactions=len(dataset.item_ids),
        slices=tuple(
            SliceEntry(
                dimension=slicing.dimension,
                labels=slicing.labels,
                packed_codes=pack_ranks(slicing.codes_U),
            )
            for slicing in slicings(dataset, "test")
        ),
        counts=dict(dataset.counts),
    )


def item_variants(arm: Arm) -> Iterator[TrialConfig]:
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
