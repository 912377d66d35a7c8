"""Changes that no test can notice, and why, by what is changed."""

from tests.mutation.equivalent import detect, images, readers, reports, text, training, tuning
from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {
    key: reason
    for part in (detect, readers, text, images, training, tuning, reports)
    for key, reason in part.EQUIVALENT.items()
}
