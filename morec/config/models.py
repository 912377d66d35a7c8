"""The recommenders: how a user becomes a vector."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from morec.config.base import Spec


class RecommenderSpec(Spec):
    """Base of every recommender's specification, and what other code must know of the model.

    A subclass has at least the fields ``kind``, ``dim`` (D) and ``dropout``.
    """

    reads_history: ClassVar[bool] = True
    """Whether the model is trained on histories; otherwise on (user, item) pairs."""
    has_user_vectors: ClassVar[bool] = False
    """Whether the model has a vector per user, so that its size depends on their number."""

    @property
    def num_id_layers(self) -> int:
        """Dropout -> Linear -> GELU layers after the ID item's embedding."""
        return 0


class TransformerSpec(RecommenderSpec):
    """Options of the transformers, named as the arguments of ``SASRec`` and ``BERT4Rec``."""

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


class SASRecSpec(TransformerSpec):
    """The paper's SASRec: post-LN transformer over item vectors, dot-product scores."""

    kind: Literal["sasrec"] = "sasrec"


class BERT4RecSpec(TransformerSpec):
    """A transformer without a causal mask that predicts hidden items (Sun et al. 2019)."""

    kind: Literal["bert4rec"]
    mask_share: float = Field(0.2, gt=0, lt=1)
    """Probability that an item is hidden in training; at least one item of a user always is."""


class DSSMSpec(RecommenderSpec):
    """Two towers without a history: a vector per user id, a vector per item (Huang et al. 2013)."""

    reads_history: ClassVar[bool] = False
    has_user_vectors: ClassVar[bool] = True
    kind: Literal["dssm"]
    dim: int = Field(512, ge=2)
    mlp_layers: int = Field(0, ge=0)
    """Dropout -> Linear -> GELU layers above the user's and the ID item's embedding."""
    dropout: float = Field(0.1, ge=0, lt=1)

    @property
    def num_id_layers(self) -> int:
        """As many as in the user's tower."""
        return self.mlp_layers


class GRU4RecSpec(RecommenderSpec):
    """Recurrent user encoder (Hidasi et al. 2016)."""

    kind: Literal["gru4rec"]
    dim: int = Field(512, ge=2)
    num_blocks: int = Field(1, ge=1)
    """GRU layers."""
    dropout: float = Field(0.1, ge=0, lt=1)


class NextItNetSpec(RecommenderSpec):
    """Dilated causal convolutions over the history (Yuan et al. 2019)."""

    kind: Literal["nextitnet"]
    dim: int = Field(512, ge=2)
    num_blocks: int = Field(2, ge=1)
    """Repetitions of the dilations."""
    kernel_size: int = Field(3, ge=2)
    """Positions that a convolution reads."""
    # Not strict: what passes a validator before is a list of Python's, not an array of JSON's.
    dilations: tuple[Annotated[int, Field(ge=1)], ...] = Field((1, 4), strict=False)
    """Distances between these positions, one for each convolution of a block."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Share dropped before every DNN and fusion layer."""


OurModelSpec = SASRecSpec | BERT4RecSpec | DSSMSpec | GRU4RecSpec | NextItNetSpec
"""The kinds that come with this project; ``ModelSpec`` also has those of installed packages."""
