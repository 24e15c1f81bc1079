"""The store's card on the start page: what it has sold, and to how many."""

from django.db.models import Count, Sum

from apps.musicstore.models import Customer, Invoice
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
            ("Sold", f"{sold['total']:,.2f}"),
            ("Customers", f"{Customer.objects.count():,}"),
        ],
        link="/agentos/chat/supervisor/",
        link_label="Ask the support team",
    )
