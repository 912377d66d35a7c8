"""Parts of a study's model that check their own values."""

import pytest
from pydantic import ValidationError

from tune_space.study.spec import ResourcesSpec


@pytest.mark.parametrize("niceness", [-1, 20])
def test_a_niceness_that_no_process_may_take_is_refused(niceness: int) -> None:
    assert [ResourcesSpec(niceness=n).niceness for n in (None, 0, 19)] == [None, 0, 19]
    with pytest.raises(ValidationError, match="niceness"):
        ResourcesSpec(niceness=niceness)
