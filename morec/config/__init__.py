"""What one trial is: strict, frozen specifications and the identity computed from them.

Comes in: a dictionary from a study file. Goes out: a ``TrialConfig`` whose ``trial_id`` names the
trial for ever.
"""

from morec.config.base import METRICS, Spec, canonical_json, metric_name
from morec.config.datasets import (
    AmazonSpec,
    DatasetSpec,
    FilesSpec,
    HMSpec,
    MindSpec,
    MovieLensSpec,
    PairsSpec,
    SequencesSpec,
    SyntheticSpec,
)
from morec.config.items import (
    WORD_ENCODERS,
    ImageSpec,
    ItemSpec,
    LoraSpec,
    MaskedAutoencodingSpec,
    MaskedLanguageSpec,
    TextSpec,
)
from morec.config.losses import LossNeeds
from morec.config.models import (
    BERT4RecSpec,
    DSSMSpec,
    GRU4RecSpec,
    NextItNetSpec,
    RecommenderSpec,
    SASRecSpec,
)
from morec.config.recommenders import ModelSpec
from morec.config.trial import (
    SCHEMA_VERSION,
    EvaluationSpec,
    OptimSpec,
    TrainingSpec,
    TrialConfig,
)

__all__ = [
    "METRICS",
    "SCHEMA_VERSION",
    "WORD_ENCODERS",
    "AmazonSpec",
    "BERT4RecSpec",
    "DSSMSpec",
    "DatasetSpec",
    "EvaluationSpec",
    "FilesSpec",
    "GRU4RecSpec",
    "HMSpec",
    "ImageSpec",
    "ItemSpec",
    "LoraSpec",
    "LossNeeds",
    "MaskedAutoencodingSpec",
    "MaskedLanguageSpec",
    "MindSpec",
    "ModelSpec",
    "MovieLensSpec",
    "NextItNetSpec",
    "OptimSpec",
    "PairsSpec",
    "RecommenderSpec",
    "SASRecSpec",
    "SequencesSpec",
    "Spec",
    "SyntheticSpec",
    "TextSpec",
    "TrainingSpec",
    "TrialConfig",
    "canonical_json",
    "metric_name",
]
