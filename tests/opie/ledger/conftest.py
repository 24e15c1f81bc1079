"""Fixtures of the ledger's tests."""

import pytest

from apps.opie.models import AIPlatform
from apps.opie.models.platforms import ApiType
from tests.opie.providers.people import principal, run, scoped

__all__ = ["openai", "principal", "run", "scoped"]


@pytest.fixture
def openai(transactional_db: None) -> AIPlatform:
    return AIPlatform.objects.create(platform_name="openai", api_type=ApiType.OPENAI, default_model="gpt-6-sol")
