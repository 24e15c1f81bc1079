"""Numbers as people read them. The browser has the same rules in frontend/src/format.ts."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from apps.opie.knowledge.citing import place_of

register = template.Library()

SECOND = 1000
MINUTE = 60 * SECOND


@register.filter
def tokens(count: int | str | None) -> str:
    """1234 → 1.2 k; nothing for an unknown count, nor for the empty text that a template makes of what is missing."""
    if count is None or isinstance(count, str):
        return ""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.{1 if count < 9950 else 0}f} k"


@register.filter
def place(location: dict[str, Any] | None) -> str:
    """Where in its document a passage is: {"page": 3, "heading": "Refunds"} → page 3, Refunds."""
    return place_of(location or {})


@register.filter
def duration(milliseconds: float | None) -> str:
    """870 → 870 ms, 1234 → 1.2 s, 125000 → 2 min 5 s; nothing for an unknown time."""
    if milliseconds is None:
        return ""
    if milliseconds < SECOND:
        return f"{round(milliseconds)} ms"
    if milliseconds < MINUTE:
        return f"{milliseconds / SECOND:.1f} s"
    minutes, rest = divmod(round(milliseconds / SECOND), 60)
    return f"{minutes} min {rest} s"


@register.filter
def span(seconds: float | None) -> str:
    """How long people talked: 40 → 40 s, 750 → 13 min, 11100 → 3 h 5 min, 187200 → 2 d 4 h; nothing for an unknown time."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest} min"
    days, hours = divmod(round(minutes / 60), 24)
    return f"{days} d {hours} h"


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """A sum with its currency: small sums keep the two digits that say something. Unknown is a word, never zero."""
    if amount is None:
        return _("cost unknown")
    digits = 2 if amount == 0 or amount >= 1 else min(6, max(2, 1 - amount.adjusted()))
    return f"{amount:.{digits}f} {currency}"


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """How long ago, as a `<time>` that the browser keeps current and explains in the reader's own zone."""
    if moment is None:
        return ""
    age = timezone.now() - moment
    text = _("now") if age.total_seconds() < 60 else _("%(age)s ago") % {"age": timesince(moment, depth=1)}
    exact = moment.strftime("%Y-%m-%d %H:%M UTC")
    return format_html('<time datetime="{}" title="{}" data-relative>{}</time>', moment.isoformat(), exact, text)


@register.filter
def moment(when: datetime | None) -> SafeString | str:
    """A moment as a `<time>` that the browser writes in the reader's own zone."""
    if when is None:
        return ""
    text = when.strftime("%Y-%m-%d %H:%M UTC")
    return format_html('<time datetime="{}" data-exact>{}</time>', when.isoformat(), text)


@register.filter
def percent(share: float | None) -> str:
    """0.987 → 98.7 %; nothing for an unknown share."""
    return "" if share is None else f"{share * 100:.4g} %"


@register.filter
def percent_rounded(share: float | None) -> str:
    """0.987 → 99 %; nothing for an unknown share."""
    return "" if share is None else f"{round(share * 100)} %"
