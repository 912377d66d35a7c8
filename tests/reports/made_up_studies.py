"""Made-up studies, written through the real ledger types and always marked as synthetic."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import log2
from pathlib import Path
from typing import Any

import numpy as np

from morec.config import TrialConfig
from morec.data.profile import DataProfile
from morec.metrics import NEVER_FOUND, per_user
from morec.results import (
    Cost,
    EpochRecord,
    Evaluation,
    SliceMetrics,
    TrialResult,
    TrialStatus,
    pack_ranks,
)
from tests.reports.made_up_profile import PROFILE
from tune_space.ledger.manifest import (
    ArmEntry,
    DatasetEntry,
    Manifest,
    Preparation,
    Reference,
    SearchEntry,
    SliceEntry,
)
from tune_space.ledger.records import Ledger
from tune_space.study.spec import StudySpec, full_name

RATES = ("optim.lr", "optim.encoder_lr")
METRICS = ("HR@10", "NDCG@10", "MRR@10")
LABELS = ("new", "cold", "tail", "mid", "head")
TEXT: dict[str, Any] = {"name": "minilm"}
_ID = {"id": True}


def _fused(layers: int, fusion: str, **text: Any) -> dict[str, Any]:
    return {"id": True, "text": TEXT | text, "fusion": fusion, "fusion_layers": layers}


@dataclass(frozen=True)
class Arm:
    """A made-up arm: its item encoders, its strength (higher ranks better), seconds per epoch."""

    name: str
    item: dict[str, Any]
    strength: float
    epoch_s: float
    group: str | None = None
    optim: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    further: dict[str, Any] = field(default_factory=dict)
    """Further parts of the configuration."""


SMALL = (
    Arm("ID", _ID, 1.35, 2.1, "IDRec"),
    Arm("TS", {"text": TEXT}, 1.15, 3.0, "MoRec"),
    Arm("E2E", {"text": TEXT | {"trainable_layers": "all"}}, 1.6, 61.0, "MoRec"),
)
CONDITIONS: dict[str, dict[str, float]] = {
    "published": {},
    "strong ID": {"ID": 0.6},
    "by time": {"ID": 0.1, "TS": 0.1, "E2E": 0.1},
}
"""Of ``SMALL``: the second changes one arm, the third all of them."""
FUSION = (
    Arm("ID", _ID, 1.4, 2.1, "ID"),
    Arm("TS", {"text": TEXT}, 1.0, 3.0, "Text alone"),
    Arm("TS-DNN", {"text": TEXT | {"dnn_layers": 8}}, 1.2, 3.6, "Text alone"),
    Arm("E2E", {"text": TEXT | {"trainable_layers": "all"}}, 1.45, 61.0, "Text alone"),
    Arm("ID+TS ADD", _fused(0, "add"), 1.3, 3.4, "ID + TS"),
    Arm("ID+TS CON", _fused(0, "concat"), 1.5, 3.5, "ID + TS"),
    Arm("ID+TS ADD, w/", _fused(2, "add"), 1.45, 3.6, "ID + TS"),
    Arm("ID+TS CON, w/", _fused(2, "concat"), 1.5, 3.7, "ID + TS"),
    Arm("ID+TS-DNN ADD", _fused(0, "add", dnn_layers=8), 1.2, 4.0, "ID + TS-DNN"),
    Arm("ID+TS-DNN CON", _fused(0, "concat", dnn_layers=8), 1.35, 4.1, "ID + TS-DNN"),
    Arm("ID+TS-DNN ADD, w/", _fused(2, "add", dnn_layers=8), 1.4, 4.2, "ID + TS-DNN"),
    Arm("ID+TS-DNN CON, w/", _fused(2, "concat", dnn_layers=8), 1.42, 4.3, "ID + TS-DNN"),
    Arm("ID+E2E ADD", _fused(0, "add", trainable_layers="all"), 1.3, 63.0, "ID + E2E"),
    Arm("ID+E2E CON", _fused(0, "concat", trainable_layers="all"), 1.38, 64.0, "ID + E2E"),
)


TEXT_ON = ("SASRec ID", "SASRec BERT", "SASRec RoBERTa", "DSSM ID", "DSSM BERT")
IMAGES_ON = ("SASRec ID", "SASRec ResNet", "SASRec Swin-T", "DSSM ID", "DSSM ResNet")
REGULAR = (
    Arm("DSSM ID", _ID, 0.4, 1.9, "DSSM"),
    Arm("DSSM BERT", {"text": TEXT | {"trainable_layers": "all"}}, 0.2, 41.0, "DSSM"),
    Arm("DSSM ResNet", {"text": TEXT | {"trainable_layers": 2}}, 0.3, 52.0, "DSSM"),
    Arm("SASRec ID", _ID, 1.35, 2.1, "SASRec"),
    Arm("SASRec BERT", {"text": TEXT | {"trainable_layers": "all"}}, 1.5, 61.0, "SASRec"),
    Arm("SASRec RoBERTa", {"text": TEXT | {"trainable_layers": 1}}, 1.7, 63.0, "SASRec"),
    Arm("SASRec ResNet", {"text": TEXT | {"trainable_layers": 2}}, 1.2, 72.0, "SASRec"),
    Arm("SASRec Swin-T", {"text": TEXT | {"trainable_layers": 3}}, 1.55, 91.0, "SASRec"),
)
"""A small form of the paper's table 2: text encoders on one data set, image encoders on two."""


@dataclass
class FakeStudy:
    """The contents of a made-up study; ``write`` writes it into a folder."""

    arms: tuple[Arm, ...] = SMALL
    seeds: tuple[int, ...] = (1, 2, 3)
    num_users: int = 300
    num_items: int = 400
    num_forced_misses: int = 0
    """So many of the first users have a target that no order of the items finds."""
    searches: int = 4
    state: str = "finished"
    question: str = "Do text encoders beat item IDs?"
    overrides: dict[str, Any] = field(default_factory=dict)
    """Further fields of the ``StudySpec``."""
    statuses: dict[tuple[str, str, int], str] = field(default_factory=dict)
    """(arm, role, index) -> ``failed``, ``collapsed``, ``pruned``, ``missing`` or ``not asked``."""
    datasets: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """Label -> the arms that run on it (None: all); empty: one data set in the study's base."""
    conditions: dict[str, dict[str, float]] = field(default_factory=dict)
    """Label -> arm -> what it adds to the arm's strength; empty: no conditions. Under the first
    condition every arm trains; under another one, an arm that is not named keeps its trials."""
    slices: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Dimension -> number of users with each of ``LABELS``; of every data set."""
    grid: tuple[tuple[float, float], ...] = ()
    """Pairs of rates (recommender, encoder) for the search trials, instead of drawn rates."""
    also_searched: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Further paths that every arm searches, with the range their values are drawn from."""
    importance: dict[str, float] = field(default_factory=dict)
    """Searched path -> share, recorded for every arm."""
    num_points: dict[str, int] = field(default_factory=dict)
    """Arm -> points of its search space; the others' spaces are endless."""
    losses: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Loss curves of a second round, which is then one more preparation; empty: no second round."""
    profile: DataProfile | None = PROFILE
    """Of every data set."""
    has_lists: bool = False
    """Whether test evaluations record what the users' lists hold."""
    energy_j: float | None = None
    """Joules that every trial recorded."""
    error: str = (
        "Traceback (most recent call last):\n  step 12\nmorec.errors.TrialError: made to fail"
    )
    rng_seed: int = 5

    def write(self, folder: Path) -> Path:
        """Write manifest and trials; returns ``folder``."""
        ledger = Ledger(folder)
        rng = np.random.default_rng(self.rng_seed)
        entries: list[ArmEntry] = []
        for dataset, names in (self.datasets or {"": None}).items():
            tastes_U = rng.normal(0, 1.1, self.num_users)
            own = [arm for arm in self.arms if names is None or arm.name in names]
            for condition in self.conditions or ("",):
                for arm in own:
                    place = dataset, condition
                    kept = self._kept(entries, place, arm)
                    entries.append(kept or self._arm(ledger, place, arm, tastes_U, rng))
        ledger.write_manifest(self._manifest(tuple(entries)))
        return folder

    def _kept(self, entries: list[ArmEntry], place: tuple[str, str], arm: Arm) -> ArmEntry | None:
        """The arm as it is under the first condition, if this condition does not change it."""
        dataset, condition = place
        first = next(iter(self.conditions), "")
        if condition == first or arm.name in self.conditions[condition]:
            return None
        before = full_name(arm.name, dataset=dataset, condition=first)
        entry = next(one for one in entries if one.name == before)
        now = full_name(arm.name, dataset=dataset, condition=condition)
        return entry.model_copy(update={"name": now, "condition": condition})

    def _arm(
        self, ledger: Ledger, place: tuple[str, str], arm: Arm, tastes_U: Any, rng: Any
    ) -> ArmEntry:
        dataset, condition = place
        name = full_name(arm.name, dataset=dataset, condition=condition)
        added = self.conditions.get(condition, {}).get(arm.name, 0.0)
        number = [*self.conditions, condition].index(condition)
        changed = {"training": {"patience": 6 + number}} if number else {}
        arm = replace(arm, strength=arm.strength + added, further=changed)
        searched, finals = [], []
        own_U = tastes_U + rng.normal(0, 0.8, self.num_users)
        for index in range(self.searches):
            lr = round(float(10 ** rng.uniform(-4, -2)), 6)
            params = {"optim.lr": lr}
            for path, limits in self.also_searched.items():
                params[path] = round(float(rng.uniform(*limits)), 4)
            if self.grid:
                params = dict(zip(RATES, self.grid[index], strict=True))
            config = _config(arm, dataset, params, seed=0, test=False)
            status = self.statuses.get((name, "search", index), "completed")
            if status != "not asked":
                made = self._trial(arm, config, status, own_U, rng, quality=-abs(np.log10(lr) + 3))
                searched.append((SearchEntry(trial_id=made.trial_id, params=params), made))
                _write(ledger, made, status)
        scored = [pair for pair in searched if pair[1].best_score() is not None]
        locked = max(scored, key=lambda pair: pair[1].best_score() or 0.0)[0] if scored else None
        for index, seed in enumerate(self.seeds):
            params = locked.params if locked else {}
            config = _config(arm, dataset, params, seed=seed, test=True)
            status = self.statuses.get((name, "final", index), "completed")
            if status != "not asked":
                made = self._trial(arm, config, status, own_U, rng)
                finals.append(made.trial_id)
                _write(ledger, made, status)
        return ArmEntry(
            name=name,
            dataset=dataset,
            condition=condition,
            group=arm.group,
            config=_config(arm, dataset, {}, seed=0, test=False),
            num_points=self.num_points.get(name),
            search=tuple(entry for entry, _ in searched),
            importance=self.importance,
            locked=locked or (None if self.searches else SearchEntry(trial_id="", params={})),
            final=tuple(finals),
        )

    def _trial(
        self,
        arm: Arm,
        config: TrialConfig,
        status: str,
        own_U: Any,
        rng: Any,
        quality: float = 0.0,
    ) -> TrialResult:
        kind = TrialStatus(status) if status != "missing" else TrialStatus.COMPLETED
        shift = arm.strength + 0.4 * quality + rng.normal(0, 0.06)
        test, valid = (self._evaluation(own_U + shift, rng) for _ in range(2))
        if self.has_lists:
            test = test.model_copy(update={"lists": _lists(test)})
        done = kind is TrialStatus.COMPLETED
        epochs = self._epochs(arm, valid, kind, rng)
        return TrialResult(
            trial_id=config.trial_id({"data": "0" * 64}),
            config=config,
            sources={"data": "0" * 64},
            status=kind,
            epochs=epochs,
            best_epoch=len(epochs) if done else None,
            valid=valid if done else None,
            test=test if done and config.evaluation.test else None,
            cost=None if kind is TrialStatus.FAILED else _cost(arm, epochs, self.energy_j, rng),
            error=self.error if kind in (TrialStatus.FAILED, TrialStatus.COLLAPSED) else None,
            finished_at="2026-01-01T00:00:00Z",
        )

    def _evaluation(self, scores_U: Any, rng: Any) -> Evaluation:
        """Ranks of the target: the higher a user's score, the fewer items rank above it."""
        above = 1 / (1 + np.exp(scores_U + rng.logistic(0, 0.5, len(scores_U))))
        ranks_U = 1 + np.floor(above**1.5 * (self.num_items - 1)).astype(int)
        ranks_U[: self.num_forced_misses] = NEVER_FOUND
        metrics = {metric: float(per_user(metric, ranks_U).mean()) for metric in METRICS}
        return Evaluation(
            metrics=metrics,
            num_users=len(ranks_U),
            num_tied=0,
            num_forced_misses=self.num_forced_misses,
            slices={
                dimension: _slice_metrics(sizes, ranks_U.tolist())
                for dimension, sizes in self.slices.items()
            },
            packed_ranks=pack_ranks(ranks_U),
        )

    def _epochs(self, arm: Arm, best: Evaluation, kind: Any, rng: Any) -> tuple[EpochRecord, ...]:
        lengths = {TrialStatus.FAILED: 2, TrialStatus.PRUNED: 5, TrialStatus.COLLAPSED: 9}
        number = lengths.get(kind, int(rng.integers(16, 26)))
        records = []
        for epoch in range(1, number + 1):
            reached = 1 if epoch == number else (1 - np.exp(-epoch / 4)) * rng.uniform(0.93, 1)
            if kind is TrialStatus.COLLAPSED and epoch > 5:
                reached = 0.03
            valid = {name: value * float(reached) for name, value in best.metrics.items()}
            records.append(
                EpochRecord(
                    epoch=epoch,
                    train_loss=float(0.7 * np.exp(-epoch / 9) + 0.2),
                    valid=valid,
                    train_s=arm.epoch_s * float(rng.uniform(0.95, 1.1)),
                    eval_s=0.4,
                )
            )
        return tuple(records)

    def _manifest(self, entries: tuple[ArmEntry, ...]) -> Manifest:
        popular_U = np.random.default_rng(1).normal(0.45, 1.2, self.num_users)
        popularity = self._evaluation(popular_U, np.random.default_rng(2))
        sums = zip(METRICS, (10, 4.54, 2.93), strict=True)
        chance = {metric: gains / self.num_items for metric, gains in sums}
        frozen = tuple(arm.name for arm in self.arms if "trainable" not in str(arm.item))[1:]
        places = [
            {"dataset": dataset, "condition": condition}
            for dataset in self.datasets or ("",)
            for condition in self.conditions or ("",)
        ]
        return Manifest.model_validate(
            {
                "study": self._study(),
                "study_file": "# made up\nquestion: ...\nseeds: [1, 2, 3]\n",
                "command": "python -m studies.run made_up.yaml",
                "state": self.state,
                "started_at": "2026-01-01T00:00:00Z",
                "updated_at": "2026-01-01T01:00:00Z",
                "versions": {"python": "3.11.7", "ray": "2.60.0", "torch": "2.9.0"},
                "git": {"revision": "0" * 40, "state": "clean"},
                "device": "made-up device",
                "num_cpus": 2,
                "elapsed_s": 8040.0,
                "datasets": tuple(_dataset(self, **place) for place in places),
                "references": tuple(
                    reference
                    for place in places
                    for reference in (
                        Reference(
                            name="popularity",
                            **place,
                            valid=popularity.metrics,
                            test=popularity.metrics,
                            test_evaluation=popularity,
                        ),
                        Reference(name="chance", **place, valid=chance, test=chance),
                    )
                ),
                "preparations": (
                    Preparation(
                        name="frozen features of minilm",
                        key="4f" * 16,
                        seconds=48.2,
                        num_bytes=14_000_000,
                        used_by=frozen,
                    ),
                    *self._second_round(),
                ),
                "arms": entries,
                "orphaned": ("sasrec-id-s9-deadbeef",),
            }
        )

    def _second_round(self) -> tuple[Preparation, ...]:
        made = Preparation(
            name="second round of minilm",
            key="7a" * 16,
            seconds=312.0,
            num_bytes=91_000_000,
            used_by=("E2E",),
            losses=self.losses,
        )
        return (made,) if self.losses else ()

    def _study(self) -> StudySpec:
        fields: dict[str, Any] = {
            "name": "made_up",
            "question": self.question,
            "base": {"dataset": {"kind": "synthetic"}},
            "datasets": {key: {"set": {}} for key in self.datasets},
            "conditions": {key: {"set": {}} for key in self.conditions},
            "arms": {arm.name: {"set": {}} for arm in self.arms} or {"ID": {"set": {}}},
            "baseline": self.arms[0].name if self.arms else "ID",
            "seeds": self.seeds,
            "budget": {"trials": self.searches},
        }
        return StudySpec.model_validate_json(json.dumps(fields | self.overrides))


def set_test_metric(folder: Path, metric: str, values: dict[str, float]) -> None:
    """Give every final trial of these arms this test value."""
    ledger = Ledger(folder)
    for arm in _manifest_in(ledger).arms:
        for name in arm.final if arm.name in values else ():
            trial = ledger.read(name)
            assert trial is not None and trial.test is not None
            metrics = trial.test.metrics | {metric: values[arm.name]}
            test = trial.test.model_copy(update={"metrics": metrics})
            ledger.write(trial.model_copy(update={"test": test}))


def set_references(folder: Path, references: Iterable[Reference]) -> None:
    """Record these references in the manifest instead of the made-up ones."""
    ledger = Ledger(folder)
    update = {"references": tuple(references)}
    ledger.write_manifest(_manifest_in(ledger).model_copy(update=update))


def _manifest_in(ledger: Ledger) -> Manifest:
    manifest = ledger.read_manifest()
    assert manifest is not None
    return manifest


def _config(
    arm: Arm, dataset: str, params: dict[str, Any], *, seed: int, test: bool
) -> TrialConfig:
    fields: dict[str, Any] = {
        "dataset": {"kind": "synthetic", "seed": sum(dataset.encode())},
        "item": arm.item,
        "optim": {"lr": 1e-3} | arm.optim,
        "model": arm.model,
        "evaluation": {"test": test} | arm.evaluation,
        "seed": seed,
        **arm.further,
    }
    for path, value in params.items():
        section, name = path.split(".")
        fields[section] = fields.get(section, {}) | {name: value}
    return TrialConfig.model_validate_json(json.dumps(fields))


def _dataset(study: FakeStudy, dataset: str, condition: str) -> DatasetEntry:
    return DatasetEntry(
        name="synthetic",
        dataset=dataset,
        condition=condition,
        sha256="0" * 64,
        is_synthetic=True,
        num_users=study.num_users,
        num_items=study.num_items,
        num_interactions=16 * study.num_users,
        slices=tuple(
            SliceEntry(
                dimension=dimension,
                labels=tuple(LABELS[: len(sizes)]),
                packed_codes=pack_ranks(_codes(sizes)),
            )
            for dimension, sizes in study.slices.items()
        ),
        counts={"users dropped: fewer than 5 interactions": 12, "items without a title": 0},
        profile=study.profile,
    )


def _lists(test: Evaluation) -> dict[str, float]:
    """Values of no meaning, other ones for other ranks."""
    drawn = np.random.default_rng(int(test.ranks.sum())).uniform(0.1, 0.9, 4).tolist()
    names = ("coverage@10", "mean popularity@10", "tail share@10", "gini@10")
    return dict(zip(names, (drawn[0], 200 * drawn[1], *drawn[2:]), strict=True))


def _codes(sizes: tuple[int, ...]) -> list[int]:
    """The label of each user: ``sizes[0]`` times 0, then ``sizes[1]`` times 1, ..."""
    return [code for code, size in enumerate(sizes) for _ in range(size)]


def _slice_metrics(sizes: tuple[int, ...], ranks: list[int]) -> dict[str, SliceMetrics]:
    """Every metric per label by a plain loop, as a trial records them."""
    found = {}
    for code, label in enumerate(LABELS[: len(sizes)]):
        own = [rank for one, rank in zip(_codes(sizes), ranks, strict=True) if one == code]
        if own:
            hits = [rank for rank in own if rank <= 10]
            metrics = {
                "HR@10": len(hits) / len(own),
                "NDCG@10": sum(1 / log2(rank + 1) for rank in hits) / len(own),
                "MRR@10": sum(1 / rank for rank in hits) / len(own),
            }
            found[label] = SliceMetrics(num_users=len(own), metrics=metrics)
    return found


def _cost(arm: Arm, epochs: tuple[EpochRecord, ...], energy_j: float | None, rng: Any) -> Cost:
    has_text = "text" in arm.item
    trains_text = "trainable" in str(arm.item)
    return Cost(
        params_total=24_300_000 if has_text else 1_400_000,
        params_trainable=24_300_000 if trains_text else 1_600_000 if has_text else 1_400_000,
        forward_macs_paper=12_900_000_000 if trains_text else 31_000_000,
        forward_macs_run=1_900_000_000 if trains_text else 29_000_000,
        uncounted_ops=("aten::_softmax",) if has_text else (),
        first_epoch_s=arm.epoch_s * 1.4,
        epoch_s=arm.epoch_s * float(rng.uniform(0.97, 1.03)),
        eval_s=0.4,
        total_s=sum(epoch.train_s + epoch.eval_s for epoch in epochs) + 2,
        peak_memory_bytes=1_900_000_000 if trains_text else 610_000_000,
        memory_kind="process resident set",
        energy_j=energy_j,
        device="made-up device",
    )


def _write(ledger: Ledger, made: TrialResult, status: str) -> None:
    if status != "missing":
        ledger.write(made)
