"""Options of how a text is read: what they exclude, and which encoders have no use for them."""

from typing import Any

import pytest
from pydantic import ValidationError

from morec.config import ItemSpec


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (
            {"text": {"name": "text-cnn", "pretrained": False, "prompt": "query: "}},
            "prompt: 'text-cnn' is no transformer",
        ),
        (
            {"text": {"name": "text-cnn", "pretrained": False, "prompt_name": "query"}},
            "prompt_name: 'text-cnn' is no transformer",
        ),
        (
            {"text": {"name": "text-cnn", "pretrained": False, "pooling": "last"}},
            "pooling: last has no effect: 'text-cnn' has no tokens' states",
        ),
        (
            {"text": {"name": "text-cnn", "pretrained": False, "lowercase": False}},
            "lowercase: false has no effect: 'text-cnn' reads lower-cased words",
        ),
        (
            {"text": {"name": "minilm", "prompt": "a", "prompt_name": "b"}},
            "prompt and prompt_name exclude each other; give one",
        ),
        (
            {"text": {"name": "minilm", "prompt": " "}},
            "prompt: no effect: it is empty; allowed: text, or leave it out",
        ),
        (
            {"text": {"name": "minilm", "template": "title"}},
            "template 'title' names no column; for example '{title}. {brand}'",
        ),
    ],
)
def test_an_option_without_effect_is_refused(item: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        ItemSpec.model_validate(item)
    assert message in str(error.value)


def test_words_are_lower_cased_whether_or_not_it_is_said() -> None:
    words = {"name": "text-cnn", "pretrained": False, "lowercase": True, "template": "{brand}"}
    assert ItemSpec.model_validate({"text": words}).columns == ("brand",)
    assert ItemSpec(id=True).columns == ()
