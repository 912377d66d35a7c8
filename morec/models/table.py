"""Every recommender by the name that ``model.kind`` gives it: how a user becomes a vector."""

from morec.extensions import Table
from morec.models.bert4rec import BERT4Rec
from morec.models.dssm import DSSM
from morec.models.gru4rec import GRU4Rec
from morec.models.nextitnet import NextItNet
from morec.models.sasrec import SASRec
from morec.models.user_encoder import UserEncoder

RECOMMENDERS: Table[type[UserEncoder]] = Table(
    "morec.recommenders",
    {
        "sasrec": SASRec,
        "bert4rec": BERT4Rec,
        "dssm": DSSM,
        "gru4rec": GRU4Rec,
        "nextitnet": NextItNet,
    },
)
