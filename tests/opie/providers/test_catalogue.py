"""The table of today's models against the published prices and the platforms there are."""

from datetime import UTC, datetime

from apps.opie.ledger.prices import VENDORS, unit_prices
from apps.opie.models.platforms import ApiType
from apps.opie.providers.catalogue import DEFAULT_MODELS, TIERS
from apps.opie.providers.embedding.embedder import MOST_DIMENSIONS
from apps.opie.providers.embedding.known_models import DEFAULT_EMBEDDINGS, KNOWN_MODELS, known_model
from apps.opie.providers.registry import get_registry

EVERY_MODEL = [*DEFAULT_MODELS.values(), *TIERS.values(), *KNOWN_MODELS]


def test_every_platform_has_a_default_model_and_an_adapter() -> None:
    assert set(DEFAULT_MODELS) == set(ApiType.values) == set(get_registry())
    assert all(model.api_type == api_type for api_type, model in DEFAULT_MODELS.items())


def test_every_model_is_priced_or_says_why_not() -> None:
    now = datetime.now(UTC)
    for model in EVERY_MODEL:
        price = unit_prices(model.api_type, "", model.model, moment=now) if model.api_type in VENDORS else None
        assert (price is None) == bool(model.unpriced_because), model


def test_a_priced_model_is_in_the_list_under_its_own_name() -> None:
    """genai-prices matches loosely: a name that it merely resembles would be billed at another model's price."""
    from genai_prices.data_snapshot import get_snapshot

    for model in EVERY_MODEL:
        if model.api_type in VENDORS:
            _, found = get_snapshot().find_provider_model(model.model, None, VENDORS[model.api_type], None)
            assert found.id == model.model
            assert not found.deprecated


def test_every_embedding_model_is_of_a_platform_that_embeds_and_fits_into_a_table() -> None:
    assert {one.api_type for one in KNOWN_MODELS} <= {name for name, one in get_registry().items() if one.embed}
    assert all(0 < one.dimensions <= one.native <= MOST_DIMENSIONS for one in KNOWN_MODELS)
    assert all(one.dimensions == one.native or one.may_be_shorter for one in KNOWN_MODELS)
    assert all(known_model(api_type, one.model) is one for api_type, one in DEFAULT_EMBEDDINGS.items())
