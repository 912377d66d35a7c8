"""What one trial is: strict, frozen specifications and the identity computed from them.

Comes in: a dictionary from a study file. Goes out: a ``TrialConfig`` whose ``trial_id`` names the
trial for ever.
"""

from morec.config.base import Spec, canonical_json
from morec.config.dataset_options import ImagesSpec, MissingImagesSpec, Ties, TitlesSpec, WindowSpec
from morec.config.datasets import (
    AmazonSpec,
    FilesSpec,
    HMSpec,
    MindSpec,
    MovieLensSpec,
    OurDatasetSpec,
    PairsSpec,
    RecBoleSpec,
    SequencesSpec,
    SyntheticSpec,
)
from morec.config.encoders import (
    WORD_ENCODERS,
    EncoderSpec,
    ImageSpec,
    LoraSpec,
    MaskedAutoencodingSpec,
    MaskedLanguageSpec,
    TextSpec,
)
from morec.config.features import PROCESSING, Control, FeaturesSpec
from morec.config.id_init import ID_INIT, IdInitSpec
from morec.config.items import ItemSpec
from morec.config.losses import LossNeeds
from morec.config.models import (
    BERT4RecSpec,
    DSSMSpec,
    GRU4RecSpec,
    NextItNetSpec,
    RecommenderSpec,
    SASRecSpec,
)
from morec.config.readers import DatasetSpec
from morec.config.recommenders import ModelSpec
from morec.config.side import SideSpec
from morec.config.splits import LEAVE_ONE_OUT, ByTimeSpec, ByTimeSplit, SplitSpec
from morec.config.training import TrainingSpec
from morec.config.trial import (
    POPULARITY_LABELS,
    RANKING,
    SCHEMA_VERSION,
    Candidates,
    EvaluationSpec,
    OptimSpec,
    TrialConfig,
)
from morec.config.vectors import VectorsSpec

__all__ = [
    "ID_INIT",
    "LEAVE_ONE_OUT",
    "POPULARITY_LABELS",
    "PROCESSING",
    "RANKING",
    "SCHEMA_VERSION",
    "WORD_ENCODERS",
    "AmazonSpec",
    "BERT4RecSpec",
    "ByTimeSpec",
    "ByTimeSplit",
    "Candidates",
    "Control",
    "DSSMSpec",
    "DatasetSpec",
    "EncoderSpec",
    "EvaluationSpec",
    "FeaturesSpec",
    "FilesSpec",
    "GRU4RecSpec",
    "HMSpec",
    "IdInitSpec",
    "ImageSpec",
    "ImagesSpec",
    "ItemSpec",
    "LoraSpec",
    "LossNeeds",
    "MaskedAutoencodingSpec",
    "MaskedLanguageSpec",
    "MindSpec",
    "MissingImagesSpec",
    "ModelSpec",
    "MovieLensSpec",
    "NextItNetSpec",
    "OptimSpec",
    "OurDatasetSpec",
    "PairsSpec",
    "RecBoleSpec",
    "RecommenderSpec",
    "SASRecSpec",
    "SequencesSpec",
    "SideSpec",
    "Spec",
    "SplitSpec",
    "SyntheticSpec",
    "TextSpec",
    "Ties",
    "TitlesSpec",
    "TrainingSpec",
    "TrialConfig",
    "VectorsSpec",
    "WindowSpec",
    "canonical_json",
]
