"""One trial: the parts of its configuration and the identity computed from them.

Every option that would have no effect is refused, never ignored.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from morec.config.base import Spec, canonical_json
from morec.config.items import ItemSpec
from morec.config.losses import LossName, loss_needs
from morec.config.models import SASRecSpec
from morec.config.readers import DatasetSpec
from morec.config.recommenders import ModelSpec
from morec.config.splits import LEAVE_ONE_OUT, SplitSpec
from morec.errors import did_you_mean
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
    clip_norm: float | None = Field(None, gt=0)
    """Largest gradient norm; not given: no clipping, as in the paper."""
    warmup_steps: int = Field(0, ge=0)
    """Linear warm-up; 0: none, as in the paper."""


class TrainingSpec(Spec):
    """The loop around the optimizer."""

    loss: LossName = "bce"
    """One sampled negative per position, or in-batch cross-entropy corrected for popularity; or a
    loss that an installed package adds."""
    batch_size: int = Field(64, ge=2)
    """Users per optimizer step, over all workers together; of dssm (user, item) pairs."""
    max_epochs: int = Field(150, ge=1)
    """An epoch trains on every user once (dssm: on every pair); validation follows each epoch."""
    patience: int = Field(6, ge=1)
    """Stop after more than this many epochs without a better validation score."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Autocast of the forward pass in training; evaluation is always fp32."""
    micro_items: int | None = Field(None, ge=1)
    """Encode a batch's items in chunks of this many, keep no activations, and encode each chunk
    again for its gradient: the memory of one chunk for a third more time. Not given: one chunk,
    halved as often as a GPU runs out of memory."""


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

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.optim.encoder_lr is not None and not self.item.trains_encoder:
            raise ValueError(
                "optim.encoder_lr has no effect: no encoder layer trains (set trainable_layers)"
            )
        if not self.model.reads_history and loss_needs(self.training.loss).histories:
            raise ValueError(
                f"training.loss: {self.training.loss} needs a model that reads the history, "
                f"{self.model.kind} does not"
            )
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
        item = f"{'+'.join(self.item.parts)}-{self._training_name()}"
        return f"{self.model.kind}-{item}s{self.seed}-{digest}"

    def _training_name(self) -> str:
        name = ""
        for spec in self.item.modalities.values():
            frozen = f"dnn{spec.dnn_layers}" if spec.dnn_layers else "ts"
            trained = "e2e" if spec.trainable_layers == "all" else f"top{spec.trainable_layers}"
            trained = f"lora-{trained}" if spec.lora else trained
            name += f"{frozen if spec.trainable_layers == 0 else trained}-"
        return name
