"""The rows of references on one data set: computed once per data, ranking and code, and kept."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from morec.code_version import code_version
from morec.config import PROCESSING, EncoderSpec, EvaluationSpec, ItemSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.item import prepare_item_inputs
from morec.references.scored import ReferenceFunction, ReferenceTask, Scored, metrics_in
from morec.references.table import ENCODER_REFERENCES, REFERENCES
from morec.results import Evaluation, write_atomically
from tune_space.inputs.prepare import Prepared, data_key, item_variants
from tune_space.ledger.manifest import Reference
from tune_space.study.arm import Arm
from tune_space.study.spec import place_of

ROW = "reference.json"
"""In the folder of a reference's artefact: its row, without the names of one study."""


@dataclass(frozen=True)
class FrozenFeatures:
    """An encoder's frozen features on one data set, and the arms that read them."""

    artefact: Artefact
    used_by: tuple[str, ...]


@dataclass(frozen=True)
class ReferenceInputs:
    """What the references of one data set are computed from."""

    dataset: Dataset
    identity: Mapping[str, object]
    """Identifies the windowed data set."""
    evaluation: EvaluationSpec
    features: Mapping[str, FrozenFeatures] = field(default_factory=dict)
    """By the encoder's name and options, see ``encoder_label``."""


def references(prepared: Prepared, arms: Sequence[Arm], baseline: str) -> tuple[Reference, ...]:
    """Every reference on each data set under each condition, as the baseline there reads it.

    Those of the same data and the same ranking are computed once: the store keeps them.
    """
    of_place: dict[str, Arm] = {}
    for arm in arms:
        if place_of(arm) not in of_place or arm.own_name == baseline:
            of_place[place_of(arm)] = arm
    return tuple(one for arm in of_place.values() for one in _references(prepared, arm, arms))


def _references(prepared: Prepared, arm: Arm, arms: Sequence[Arm]) -> Iterator[Reference]:
    """The references where ``arm`` is, as it reads the data, with features that ``arms`` freeze."""
    config = arm.config
    dataset = prepared.dataset(config)
    items = (
        (one.name, variant.item, prepared.dataset(variant) if variant.item.columns else dataset)
        for one in arms
        if place_of(one) == place_of(arm)
        for variant in item_variants(one)
        if data_key(variant) == data_key(config)
    )
    with chdir(prepared.root):
        features = frozen_features(items, prepared.store)
    identity = prepared.dataset_identity(config)
    inputs = ReferenceInputs(dataset, identity, config.evaluation, features)
    # The driver alone reads them: nothing for a storage that nodes share.
    kept = ArtefactStore(prepared.store.folder, verify=True)
    for row in reference_rows(inputs, kept):
        yield row.model_copy(update={"dataset": arm.dataset, "condition": arm.condition})


def reference_rows(inputs: ReferenceInputs, store: ArtefactStore) -> Iterator[Reference]:
    """Every row of ``REFERENCES``, then one per encoder of every ``ENCODER_REFERENCES``."""
    for name, compute in REFERENCES.items():
        yield _row(inputs, store, name, compute)
    for name, compute in ENCODER_REFERENCES.items():
        for label, features in inputs.features.items():
            row = _row(inputs, store, name, compute, features.artefact)
            label_and_users = {"name": f"{name} ({label})", "used_by": features.used_by}
            yield row.model_copy(update=label_and_users)


def frozen_features(
    items: Iterable[tuple[str, ItemSpec, Dataset]], store: ArtefactStore
) -> dict[str, FrozenFeatures]:
    """Frozen features that arms read on a data set, by the encoder's label.

    ``items`` are the arms' names with what they read of items and the data that has it; features
    that no arm reads are not made. Relative paths in them start from the working directory. An
    encoder whose contents a ``control`` replaces is left out: the reference says what the contents
    give. So is one beside which a side network trains: its layers' states are no features.
    """
    frozen = [
        (encoder_label(spec), spec, arm, dataset)
        for arm, item, dataset in items
        for spec in item.encoders.values()
        if spec.trainable_layers == 0 and spec.control is None and spec.side is None
    ]
    found = {}
    for label, spec, _, dataset in frozen:
        if label not in found:
            users = dict.fromkeys(arm for other, _, arm, _ in frozen if other == label)
            item = ItemSpec.of(spec)
            (part,) = item.parts
            made = prepare_item_inputs(item, dataset, store)
            found[label] = FrozenFeatures(made[part], tuple(users))
    return found


def encoder_label(spec: EncoderSpec) -> str:
    """An encoder's name and the options of its frozen features: ``minilm, pooling mean``.

    Options at their default are left out.
    """
    left_out = {"name", "file", "dnn_layers", *PROCESSING}
    options = spec.model_dump(exclude=left_out, exclude_defaults=True) | spec.processing
    return ", ".join((spec.name, *(f"{key} {_plain(value)}" for key, value in options.items())))


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {one}" for key, one in value.items()) + ")"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _row(
    inputs: ReferenceInputs,
    store: ArtefactStore,
    name: str,
    compute: ReferenceFunction,
    features: Artefact | None = None,
) -> Reference:
    """The kept row, or a new one."""
    key = _key(inputs, name, features)
    task = ReferenceTask(
        inputs.dataset, inputs.evaluation, features.array("features") if features else None
    )
    artefact = store.get_or_make("reference", key, _writer(name, task, compute))
    return Reference.model_validate_json((artefact.path / ROW).read_bytes())


def _writer(name: str, task: ReferenceTask, compute: ReferenceFunction) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_atomically(folder / ROW, _record(name, compute(task)).model_dump_json())

    return write


def _record(name: str, scored: Scored) -> Reference:
    return Reference(
        name=name,
        valid=metrics_in(scored.valid),
        test=metrics_in(scored.test),
        test_evaluation=scored.test if isinstance(scored.test, Evaluation) else None,
        chosen=dict(scored.chosen),
        left_out=scored.left_out,
    )


def _key(inputs: ReferenceInputs, name: str, features: Artefact | None) -> dict[str, Any]:
    """Everything that the row depends on; the code too, so that no old row outlives a change."""
    evaluation = inputs.evaluation.model_dump(mode="json", exclude={"test", "batch_size"})
    return {
        "reference": name,
        "dataset": dict(inputs.identity),
        "evaluation": evaluation,
        "features": features.path.name if features else None,
        "code": code_version(),
    }
