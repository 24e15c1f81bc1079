"""Tags for what the front-end build made: entries, fonts, icons."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from apps.opie.web.frontend import current_build

register = template.Library()


@register.simple_tag
def vite_entry(source: str) -> SafeString:
    """The tags that load one entry: `{% vite_entry "src/main.ts" %}`."""
    entry = current_build().entry(source)
    styles = format_html_join("\n", '<link rel="stylesheet" href="{}">', ((static(file),) for file in entry.styles))
    preloads = format_html_join(
        "\n", '<link rel="modulepreload" href="{}">', ((static(file),) for file in entry.preloads)
    )
    script = format_html('<script type="module" src="{}"></script>', static(entry.script))
    return format_html("{}\n{}\n{}", styles, preloads, script)


@register.simple_tag
def vite_file(source: str) -> str:
    """The address of one built file."""
    return static(current_build().file(source))


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """One lucide icon, inline. It is decoration: the words beside it, or the button's label, say what it means."""
    # The drawing comes from our own build, not from anybody's input.
    drawing = mark_safe(current_build().icon(name))  # noqa: S308
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" '
        'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{}</svg>',
        css,
        drawing,
    )
