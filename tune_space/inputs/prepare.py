"""What many trials share, made once before the first: data, references, frozen features."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from morec.config import LEAVE_ONE_OUT, DatasetSpec, EncoderSpec, Spec, TrialConfig, canonical_json
from morec.config.ensemble import joined_sources
from morec.data.dataset import FORMAT, Dataset, open_dataset, save_dataset, source_hash
from morec.data.profile import DataProfile
from morec.data.profiling import load_profiled
from morec.data.text_columns import with_columns
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.families import family_of, weights_hash
from morec.encoders.frozen import counts_of
from morec.encoders.item import prepare_item_inputs
from morec.encoders.second_round import losses_of
from morec.encoders.weights.text import TINY_RANDOM
from morec.results import write_atomically
from morec.storage import Storage
from tune_space.ledger.layout import ARTEFACTS
from tune_space.ledger.manifest import Manifest, Preparation
from tune_space.study.arm import Arm, point_with
from tune_space.study.expand import configure
from tune_space.study.spec import place_of

PROFILE = "profile.json"
"""In the folder of a windowed dataset: its profile."""


@dataclass
class Prepared:
    """The shared inputs of a study's trials; each is made when it is first asked for."""

    root: Path
    """Folder that relative paths of the study file start from."""
    store: ArtefactStore
    _folders: dict[str, Path] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def beside(cls, out: Path, root: Path, storage: Storage | None = None) -> "Prepared":
        """Those in the store beside an output folder; ``storage`` holds a study's shared files."""
        behind = storage.within(ARTEFACTS) if storage else None
        return cls(root, ArtefactStore(out.parent / ARTEFACTS, behind))

    def __post_init__(self) -> None:
        # Absolute, because the files of encoders are looked up from inside root.
        self.root = self.root.resolve()
        store = self.store
        # Verified, because the driver looks at every artefact before the trials, which trust it.
        self.store = ArtefactStore(store.folder.resolve(), store.storage, verify=True)

    def sources(self, config: TrialConfig) -> dict[str, str]:
        """``data`` and the places of encoders -> hash of the current data or weights."""
        if config.ensemble:
            return joined_sources([self.sources(one) for one in config.ensemble])
        parts = config.item.encoders.items()
        weights = {part: self.weights_hash(spec) for part, spec in parts}
        return {"data": self.data_hash(config.dataset), **weights}

    def weights_hash(self, spec: EncoderSpec) -> str:
        """Hash of the weights an encoder starts from; paths are relative to the study file."""
        with chdir(self.root):
            return weights_hash(spec)

    def data_hash(self, spec: DatasetSpec) -> str:
        """Hash of the files behind a dataset, computed once."""
        key = key_of(spec)
        if key not in self._hashes:
            self._hashes[key] = source_hash(spec, self.root)
        return self._hashes[key]

    def dataset_folder(self, config: TrialConfig) -> Path:
        """Folder of the windowed dataset, ready to be memory-mapped; made if it is not there."""
        windows = self._windows_folder(config)
        columns = sorted(config.item.columns)
        if not columns:
            return windows
        key = canonical_json([data_key(config), columns])
        if key not in self._folders:
            identity = {**self.dataset_identity(config), "columns": columns}
            artefact = self.store.get_or_make(
                "dataset",
                identity,
                lambda folder: _save_with_columns(config, self.root, windows, folder),
            )
            self._folders[key] = artefact.path
        return self._folders[key]

    def _windows_folder(self, config: TrialConfig) -> Path:
        """Folder of the windowed dataset without the columns of templates, with its profile."""
        key = data_key(config)
        if key not in self._folders:
            identity = self.dataset_identity(config)
            artefact = self.store.get_or_make(
                "dataset", identity, lambda folder: _save(config, self.root, folder)
            )
            self._folders[key] = artefact.path
        return self._folders[key]

    def is_prepared(self, config: TrialConfig) -> bool:
        """Whether the windowed dataset has been made already."""
        return self.store.find("dataset", self.dataset_identity(config)) is not None

    def dataset_identity(self, config: TrialConfig) -> dict[str, object]:
        """What the windows of a dataset depend on: the key of its artefact without columns."""
        spec, split = config.dataset, config.evaluation.split
        plain = spec.model_dump(mode="json")
        # Without the default, so that what was prepared before this option is found again.
        by_time = {} if split == LEAVE_ONE_OUT else {"split": split.model_dump(mode="json")}
        return {"spec": plain, "source": self.data_hash(spec), "format": FORMAT, **by_time}

    def dataset(self, config: TrialConfig) -> Dataset:
        """The windowed dataset that a configuration reads, memory-mapped."""
        return open_dataset(self.dataset_folder(config))

    def profile(self, config: TrialConfig) -> DataProfile:
        """The profile that was computed when the dataset was made."""
        folder = self._windows_folder(config)
        return DataProfile.model_validate_json((folder / PROFILE).read_bytes())


def _save(config: TrialConfig, root: Path, folder: Path) -> None:
    dataset, profile = load_profiled(config.dataset, root, split=config.evaluation.split)
    save_dataset(dataset, folder)
    write_atomically(folder / PROFILE, profile.model_dump_json())


def _save_with_columns(config: TrialConfig, root: Path, windows: Path, folder: Path) -> None:
    """The dataset in the folder ``windows``, with the columns that a template reads."""
    columns = sorted(config.item.columns)
    dataset = with_columns(open_dataset(windows), config.dataset, root, columns)
    save_dataset(dataset, folder)


def prepare_items(prepared: Prepared, arms: Sequence[Arm]) -> tuple[Preparation, ...]:
    """Make every artefact that the arms' item encoders read, for every searched choice of them."""
    found: dict[str, tuple[str, Artefact]] = {}
    users: dict[str, dict[str, None]] = {}
    notes: dict[str, dict[tuple[str, str], None]] = {}
    for arm in arms:
        for config in item_variants(arm):
            dataset = prepared.dataset(config)
            with chdir(prepared.root):
                inputs = prepare_item_inputs(config.item, dataset, prepared.store)
                said = {name: said_of(spec) for name, spec in config.item.encoders.items()}
            for name, artefact in inputs.items():
                key = artefact.path.name
                found.setdefault(key, (name, artefact))
                notes.setdefault(key, {})[said.get(name, ("", ""))] = None
                users.setdefault(key, {})[arm.name] = None
    return tuple(
        Preparation(
            name=name,
            key=key,
            seconds=artefact.seconds,
            num_bytes=artefact.num_bytes,
            used_by=tuple(users[key]),
            counts=counts_of(artefact),
            losses=losses_of(artefact),
            read_as=_distinct(read_as for read_as, _ in notes[key]),
            caveats=_distinct(caveat for _, caveat in notes[key]),
        )
        for key, (name, artefact) in found.items()
    )


def said_of(spec: EncoderSpec) -> tuple[str, str]:
    """How an encoder is read, and how otherwise than its authors meant."""
    family = family_of(spec)
    return family.read_as(spec), family.caveat(spec)


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))


def weights_used(prepared: Prepared, arms: Sequence[Arm]) -> dict[EncoderSpec, str]:
    """Every encoder of the arms that reads files, and the hash of what it starts from."""
    specs = {
        spec
        for arm in arms
        for config in item_variants(arm)
        for spec in config.item.encoders.values()
        if not spec.name.startswith(TINY_RANDOM)
    }
    return {spec: prepared.weights_hash(spec) for spec in sorted(specs, key=repr)}


def with_inactive(
    manifest: Manifest, earlier: Manifest, arms: Sequence[Arm], active: Sequence[Arm]
) -> Manifest:
    """Add what an earlier run's manifest says of the arms that are inactive in this run.

    Data sets and references are added where no active arm has the data set and condition;
    references that read frozen features also where only inactive arms have the encoder.
    """
    places = set(map(place_of, arms)) - set(map(place_of, active))
    inactive = {arm.name for arm in arms} - {arm.name for arm in active}
    made = {each.key: each for each in manifest.preparations}
    for each in earlier.preparations:
        if users := tuple(name for name in each.used_by if name in inactive):
            known = made[each.key].used_by if each.key in made else ()
            made[each.key] = each.model_copy(update={"used_by": (*known, *users)})
    datasets = (each for each in earlier.datasets if place_of(each) in places)
    known_rows = {(place_of(each), each.name) for each in manifest.references}
    references_kept = (
        each
        for each in earlier.references
        if place_of(each) in places
        or (inactive.intersection(each.used_by) and (place_of(each), each.name) not in known_rows)
    )
    return manifest.model_copy(
        update={
            "datasets": (*manifest.datasets, *datasets),
            "references": (*manifest.references, *references_kept),
            "preparations": tuple(made.values()),
        }
    )


def item_variants(arm: Arm) -> Iterator[TrialConfig]:
    """An arm's configuration with every combination of searched choices of data and encoders.

    These choices change what the encoders read, so that each needs artefacts of its own.
    """
    arms = arm.members or (arm,)
    found = (one for own in arms for one in variants(own, ("item.", "dataset")))
    yield from {(key_of(one.dataset), key_of(one.item)): one for one in found}.values()


def variants(arm: Arm, prefixes: tuple[str, ...]) -> Iterator[TrialConfig]:
    """An arm's configuration with every combination of searched choices below some paths."""
    space = arm.space.items()
    choices = {p: param.choice for p, param in space if p.startswith(prefixes) and param.choice}
    for values in product(*choices.values()):
        chosen = dict(zip(choices, values, strict=True))
        yield configure(arm, point_with(arm, chosen), seed=arm.config.seed, test=False)


def data_key(config: TrialConfig) -> str:
    """The same text for configurations that read and split the same data alike."""
    split = config.evaluation.model_dump(mode="json", include={"split"})
    return canonical_json([config.dataset.model_dump(mode="json"), split])


def key_of(spec: Spec) -> str:
    """The same text for equal specifications."""
    return canonical_json(spec.model_dump(mode="json"))
