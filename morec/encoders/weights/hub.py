"""Looking at the model hub's local cache without asking the hub itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError


@contextmanager
def offline() -> Iterator[None]:
    """Within this, only what the local cache holds can be had; nothing is fetched."""
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def is_uncached(error: Exception) -> bool:
    """Whether weights cannot be had only because ``offline`` forbids to fetch them."""
    return constants.HF_HUB_OFFLINE and isinstance(error.__cause__, LocalEntryNotFoundError)
