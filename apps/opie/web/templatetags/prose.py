"""Filters for what agents and tools wrote."""

import json

from django import template
from django.utils.safestring import SafeString

from apps.opie.web.markdown import render_markdown

register = template.Library()


@register.filter
def markdown(source: str) -> SafeString:
    """Safe HTML for Markdown."""
    return render_markdown(source)


@register.filter
def as_json(value: object) -> str:
    """Indented JSON; text that is JSON is indented too, other text stays as it is. Escaped by the template."""
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            return value
        if not isinstance(inner, dict | list):
            return value
        value = inner
    return json.dumps(value, indent=2, ensure_ascii=False)
