"""Items of stored examples are numbered from 1, as everywhere."""

import pytest
from pydantic import ValidationError

from tune_space.ledger.examples import ExampleUser


@pytest.mark.parametrize("wrong", [{"history": (0, 2)}, {"history": (-1,)}, {"target": 0}])
def test_padding_is_no_item_of_a_user(wrong: dict[str, object]) -> None:
    whole = {"user": 0, "history": (1, 2), "target": 3}
    assert ExampleUser.model_validate(whole).target == 3
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        ExampleUser.model_validate(whole | wrong)
