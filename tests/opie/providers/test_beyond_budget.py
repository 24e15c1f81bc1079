"""What a budget refuses may still be answered by what costs nothing."""

from decimal import Decimal

import pytest

from apps.accounts.principal import Principal
from apps.api.errors import BudgetExceeded
from apps.opie import rows
from apps.opie.ledger.price_list import NewPrice, set_price
from apps.opie.models import AgentOSRun, Budget
from apps.opie.models.platforms import ApiType
from apps.opie.providers.metered import MeteredModel
from tests.opie.providers.asking import usage_rows
from tests.opie.providers.people import Scoped
from tests.opie.providers.storm import one_answer
from tests.opie.providers.test_fallback import chain, second, told
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

__all__ = ["second"]

pytestmark = pytest.mark.django_db(transaction=True)


async def beyond_budget(principal: Principal, *of: tuple[str, str], priced: tuple[str, ...] = ()) -> MeteredModel:
    """A chain for a team that has spent all it has; `priced` platforms have a price."""
    model = await chain(*of)
    for name in priced:
        (candidate,) = (one for one in model.candidates if one.platform.platform_name == name)
        await rows.run(set_price, principal, NewPrice(name, candidate.model, Decimal(1), Decimal(2)))
    await rows.run(Budget.objects.create, team_id=principal.team_id, amount=0)
    return model


async def test_beyond_a_budget_what_costs_nothing_answers(
    vendor: VendorServer, second: VendorServer, principal: Principal, run: AgentOSRun, scoped: Scoped
) -> None:
    paid, free = (ApiType.OPENAI_COMPATIBLE, vendor.url), (ApiType.OLLAMA, second.url)
    model = await beyond_budget(principal, paid, paid, free, priced=("p0", "p1"))
    with scoped():
        assert await one_answer(model, stream=True)
    assert (vendor.connections, len(second.asked)) == (0, 1)
    assert await told(run) == [("p0", "unsent", "budget_exceeded", 1), ("p2", "succeeded", "", 2)]
    (_, answered) = await usage_rows(run)
    assert answered.cost == 0


@pytest.mark.parametrize("priced", [("p0", "p1"), ("p0",)], ids=["a price of its own", "a price that nobody knows"])
async def test_local_is_not_free_when_it_has_a_price_and_elsewhere_is_not_free_without_one(
    priced: tuple[str, ...],
    vendor: VendorServer,
    second: VendorServer,
    principal: Principal,
    run: AgentOSRun,
    scoped: Scoped,
) -> None:
    other = ApiType.OLLAMA if len(priced) > 1 else ApiType.OPENAI_COMPATIBLE
    of = (ApiType.OPENAI_COMPATIBLE, vendor.url), (other, second.url)
    model = await beyond_budget(principal, *of, priced=priced)
    with scoped(), pytest.raises(BudgetExceeded, match="more than all of your team's budget") as caught:
        await one_answer(model, stream=False)
    assert caught.value.code == "budget_exceeded"
    assert (vendor.connections, second.connections, await told(run)) == (0, 0, [])


async def test_when_what_costs_nothing_fails_the_budget_is_what_the_person_is_told(
    vendor: VendorServer, second: VendorServer, principal: Principal, run: AgentOSRun, scoped: Scoped
) -> None:
    second.will(Reply(status=404, text="No."))
    of = (ApiType.OPENAI_COMPATIBLE, vendor.url), (ApiType.OLLAMA, second.url)
    model = await beyond_budget(principal, *of)
    with (
        scoped(),
        pytest.raises(BudgetExceeded, match=r"price of this model is unknown.*Also tried: p1 does not") as caught,
    ):
        await one_answer(model, stream=False)
    assert (caught.value.http_status, caught.value.code) == (402, "price_unknown")
    codes = [("p0", "unsent", "price_unknown", 1), ("p1", "failed", "platform_refused_request", 2)]
    assert await told(run) == codes
