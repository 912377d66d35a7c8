"""One trial: the parts of its configuration and the identity computed from them.

Every option that would have no effect is refused, never ignored.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from morec.config.base import Spec, canonical_json
from morec.config.ensemble import MAX_MEMBERS
from morec.config.items import ItemSpec
from morec.config.losses import LOSS_OPTIONS, loss_needs, losses_with
from morec.config.models import SASRecSpec
from morec.config.readers import DatasetSpec
from morec.config.recommenders import ModelSpec
from morec.config.splits import LEAVE_ONE_OUT, SplitSpec
from morec.config.training import TrainingSpec
from morec.errors import SpecError, did_you_mean
from morec.metrics import metric_names

SCHEMA_VERSION = 3
"""Part of every trial's identity: raise it when the meaning of a configuration changes."""

Candidates = Literal["all", "trained"]
"""The items a target is ranked against: all, or those with a train interaction and the target."""
RANKING = frozenset({"candidates", "mask_history", "split"})
"""Options of ``EvaluationSpec`` that say what is predicted and what a target is ranked against:
metrics of trials that differ in one of them do not compare."""
POPULARITY_LABELS = ("new", "cold", "tail", "mid", "head")
"""Slices of the users by the popularity of their target, the least popular first."""


class OptimSpec(Spec):
    """AdamW with two groups: pretrained layers (encoder_lr) and everything else (lr)."""

    lr: float = Field(1e-4, gt=0)
    """Learning rate of the user encoder, ID embeddings, DT and DNN layers."""
    encoder_lr: float | None = Field(None, gt=0)
    """Learning rate of trained encoder layers; not given: ``lr``."""
    weight_decay: float = Field(0.1, ge=0)
    """Applies to every parameter, as in the paper's code."""
    beta2: float = Field(0.999, ge=0, lt=1)
    """What AdamW keeps of the mean squared gradient in a step. 0.999, torch's own, is the paper's;
    SASRec's authors take 0.98. With many negatives ``gbce`` and ``bce`` need a lower one in short
    training: their first gradients are large, and make the steps after them short."""
    clip_norm: float | None = Field(None, gt=0)
    """Largest gradient norm; not given: no clipping, as in the paper."""
    warmup_steps: int = Field(0, ge=0)
    """Linear warm-up; 0: none, as in the paper."""
    schedule: Literal["none", "cosine", "linear"] = "none"
    """How both learning rates fall after the warm-up: not at all, as in the paper; or from their
    full value to 0 over the steps that ``training.max_epochs`` plans. Early stopping shortens no
    schedule: a trial that it ends has not come down to 0."""

    def check_steps(self, num_steps: int) -> None:
        """Refuse a schedule that a trial of so many planned steps never begins.

        Raises:
            SpecError: the warm-up takes all of the steps.
        """
        if self.schedule != "none" and self.warmup_steps >= num_steps:
            raise SpecError(
                f"optim.schedule: {self.schedule} has no effect: warmup_steps {self.warmup_steps} "
                f"takes all of the {num_steps} planned steps (training.max_epochs times the steps "
                "of an epoch); allowed: fewer"
            )


class EvaluationSpec(Spec):
    """Full ranking over all items, ties counted against the model."""

    ks: tuple[Annotated[int, Field(ge=1)], ...] = (10,)
    """Cut-offs k of every metric."""
    select: str = "HR@10"
    """The validation metric that early stopping and the search maximise."""
    batch_size: int = Field(512, ge=1)
    """Users ranked at once; bounds memory."""
    candidates: Candidates = "all"
    """Rank against all items, or only against items with a train interaction and the target (the
    paper's cold and new items, table 9)."""
    mask_history: bool = True
    """Leave the items of a user's history out of the ranking, as in the paper; a target among them
    is then a miss. false: they are ranked too, for users who come back to the same items."""
    split: SplitSpec = LEAVE_ONE_OUT
    """A user's last interaction is for test and the one before for validation, as in the paper. Or
    ``{by_time: {test: 0.1, valid: 0.1, target: last}}``: what lies after two cuts in time is."""
    test: bool = False
    """Whether the test split is looked at, once, after training."""

    @model_validator(mode="after")
    def _select_is_computed(self) -> Self:
        allowed = metric_names(self.ks)
        if self.select not in allowed:
            hint = f"allowed: {', '.join(allowed)}.{did_you_mean(self.select, allowed)}"
            raise ValueError(
                f"select {self.select!r} is not computed with ks {list(self.ks)}; {hint}"
            )
        return self


class TrialConfig(Spec):
    """Everything that determines one trial's numbers."""

    dataset: DatasetSpec
    item: ItemSpec
    model: ModelSpec = SASRecSpec()
    optim: OptimSpec = OptimSpec()
    training: TrainingSpec = TrainingSpec()
    evaluation: EvaluationSpec = EvaluationSpec()
    seed: int = Field(0, ge=0)
    """Draws initial weights, batches, negatives and dropout."""
    ensemble: tuple["TrialConfig", ...] = ()
    """Late fusion: the trials whose scores this one adds up, with weights chosen on validation. The
    other parts are then those of the first member, of which the data and the evaluation apply."""

    @property
    def parts(self) -> tuple["TrialConfig", ...]:
        """The trials that are trained for this one: its members, or itself."""
        return self.ensemble or (self,)

    @model_validator(mode="after")
    def _members_rank_alike(self) -> Self:
        for problem in _ensemble_problems(self):
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.optim.encoder_lr is not None and not self.item.trains_encoder:
            raise ValueError(
                "optim.encoder_lr has no effect: no encoder layer trains (set trainable_layers)"
            )
        return self

    @model_validator(mode="after")
    def _loss_can_be_computed(self) -> Self:
        for check in (_check_loss_options, _check_history, _check_encoded_items):
            check(self)
        return self

    def trial_id(self, sources: Mapping[str, str], *, schema: int = SCHEMA_VERSION) -> str:
        """Name this trial: readable prefix and 8 hex digits of its identity.

        ``sources`` are the hashes of what the configuration only points at (data, weights), so
        that other data under the same path is another trial. ``schema`` is that of the record.
        """
        identity = {
            "schema": schema,
            # Without defaults, so that a new option does not rename every trial there is.
            "config": self.model_dump(mode="json", exclude_defaults=True),
            "sources": dict(sources),
        }
        digest = hashlib.sha256(canonical_json(identity).encode()).hexdigest()[:8]
        if self.ensemble:
            items = "+".join(part for one in self.ensemble for part in one.item.parts)
            return f"late-{items}-s{self.seed}-{digest}"
        item = f"{'+'.join(self.item.parts)}-{self._training_name()}"
        return f"{self.model.kind}-{item}s{self.seed}-{digest}"

    def _training_name(self) -> str:
        init = self.item.id_init
        name = "" if init is None else f"init-{'frozen-' if init.freeze else ''}"
        for spec in self.item.modalities.values():
            frozen = f"dnn{spec.dnn_layers}" if spec.dnn_layers else "ts"
            frozen = f"side-{frozen}" if spec.side else frozen
            trained = "e2e" if spec.trainable_layers == "all" else f"top{spec.trainable_layers}"
            trained = f"lora-{trained}" if spec.lora else trained
            name += f"{frozen if spec.trainable_layers == 0 else trained}-"
            name += f"{spec.control}-" if spec.control else ""
        return name


def _ensemble_problems(config: TrialConfig) -> Iterator[str]:
    """Why the scores of a trial's members cannot be added up."""
    members = config.ensemble
    if not members:
        return
    if not 2 <= len(members) <= MAX_MEMBERS:
        yield f"ensemble: {len(members)} members; allowed: 2 to {MAX_MEMBERS}"
    for number, one in enumerate(members, start=1):
        if one.ensemble:
            yield f"ensemble: member {number} is an ensemble itself"
        for part in ("dataset", "evaluation"):
            if getattr(one, part) != getattr(config, part):
                yield f"ensemble: member {number} has another {part}; allowed: the same in all"


def _check_loss_options(config: TrialConfig) -> None:
    """Refuse options of losses that the trial's loss does not read."""
    training = config.training
    read = loss_needs(training.loss).options
    for option in LOSS_OPTIONS:
        is_default = getattr(training, option) == TrainingSpec.model_fields[option].default
        if option not in read and not is_default:
            raise ValueError(
                f"training.{option} has no effect with training.loss: {training.loss}; "
                f"losses that read it: {', '.join(losses_with(option))}"
            )


def _check_history(config: TrialConfig) -> None:
    """Refuse what needs to know a user's other items where a sample is a pair."""
    if config.model.reads_history:
        return
    kind = config.model.kind
    if loss_needs(config.training.loss).histories:
        raise ValueError(
            f"training.loss: {config.training.loss} needs a model that reads the history, "
            f"{kind} does not"
        )
    if config.training.shared_negatives:
        raise ValueError(
            "training.shared_negatives: needs a model that reads the history, which tells which of "
            f"them a user has trained on; {kind} does not"
        )


def _check_encoded_items(config: TrialConfig) -> None:
    """Refuse losses for which a trained encoder would read far more items than the batch has."""
    training = config.training
    if not config.item.trains_encoder:
        return
    if loss_needs(training.loss).catalogue:
        raise ValueError(
            f"training.loss: {training.loss} would encode the whole catalogue in every step with "
            "an encoder that trains; allowed: item IDs and frozen features (trainable_layers: 0), "
            "or sampled_ce with shared_negatives"
        )
    if training.negatives > 1 and not training.shared_negatives:
        raise ValueError(
            f"training.negatives: {training.negatives} for each target are as many items to encode "
            "at every position with an encoder that trains; allowed: 1, or shared_negatives: true, "
            "which encodes them once a batch"
        )
