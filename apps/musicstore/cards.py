"""The store's card on the start page: what it has sold, and to how many."""

from django.db.models import Count, Sum

from apps.musicstore.models import Customer, Invoice
from apps.musicstore.money import as_people_write, with_currency
from apps.opie.extend import DashboardCard, Permission, Principal, register_dashboard_card


def register_cards() -> None:
    """Once, when the app is ready."""
    register_dashboard_card("music-store", sales, permission=Permission.VIEW_METRICS)


def sales(principal: Principal) -> DashboardCard | None:  # noqa: ARG001 - the store is one for all teams
    """None before init_db."""
    sold = Invoice.objects.aggregate(invoices=Count("pk"), total=Sum("total"))
    if not sold["invoices"]:
        return None
    return DashboardCard(
        "Music store",
        rows=[
            ("Invoices", f"{sold['invoices']:,}"),
            ("Sold", as_people_write(with_currency(sold["total"]))),
            ("Customers", f"{Customer.objects.count():,}"),
        ],
        link="/agentos/chat/supervisor/",
        link_label="Ask the support team",
    )
