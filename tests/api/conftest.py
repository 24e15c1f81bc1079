"""Code that runs outside of any request, whatever ran before it in this process."""

from collections.abc import Iterator

import pytest

from apps.api.request_ids import reset_request_id, set_request_id


@pytest.fixture(autouse=True)
def _outside_of_any_request() -> Iterator[None]:
    token = set_request_id("")
    yield
    reset_request_id(token)
