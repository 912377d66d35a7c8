"""Every kind of dataset with its reader: our kinds, then those of installed packages."""

from morec.data.readers import (
    amazon,
    files,
    hm,
    mind,
    movielens,
    pairs,
    recbole,
    sequences,
    synthetic,
)
from morec.data.readers.reader import Reader
from morec.extensions import Table

READERS: Table[Reader] = Table(
    "morec.readers",
    {
        "movielens": movielens.READER,
        "files": files.READER,
        "sequences": sequences.READER,
        "mind": mind.READER,
        "hm": hm.READER,
        "pairs": pairs.READER,
        "recbole": recbole.READER,
        "amazon": amazon.READER,
        "synthetic": synthetic.READER,
    },
)
