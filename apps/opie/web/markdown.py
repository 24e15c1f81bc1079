"""Markdown that agents wrote, as HTML that is safe to show.

frontend/src/markdown/render.ts follows the same rules for what is still being written: raw HTML stays text, pictures
become links (one that loads by itself can carry what was said to another server), nothing gets a style attribute.
"""

from collections.abc import MutableMapping, Sequence
from typing import Any

from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

_LINK_ATTRIBUTES = {"rel": "noopener noreferrer nofollow", "target": "_blank"}
_ALIGNMENTS = {"text-align:center": "cell-center", "text-align:right": "cell-right"}


def render_markdown(source: str) -> SafeString:
    """Markdown in, safe HTML out."""
    # Raw HTML is off, and the parser refuses javascript:, vbscript:, file: and data: addresses.
    html: str = _PARSER.render(source)
    return SafeString(html)


class _Renderer(RendererHTML):
    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        tokens[idx].attrs.update(_LINK_ATTRIBUTES)
        return self.renderToken(tokens, idx, options, env)

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:  # noqa: ARG002
        address = str(tokens[idx].attrs.get("src", ""))
        attributes = "".join(f' {name}="{value}"' for name, value in _LINK_ATTRIBUTES.items())
        return f'<a href="{escapeHtml(address)}"{attributes}>{escapeHtml(tokens[idx].content or address)}</a>'

    def th_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        _align_with_class(tokens[idx])
        return self.renderToken(tokens, idx, options, env)

    def td_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        _align_with_class(tokens[idx])
        return self.renderToken(tokens, idx, options, env)


def _align_with_class(cell: Token) -> None:
    """The content security policy refuses style attributes."""
    alignment = _ALIGNMENTS.get(str(cell.attrs.pop("style", "")))
    if alignment:
        cell.attrs["class"] = alignment


def _parser() -> MarkdownIt:
    options = {"html": False, "linkify": True, "breaks": True}
    parser = MarkdownIt("default", options, renderer_cls=_Renderer)
    if parser.linkify is not None:
        parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    return parser


_PARSER = _parser()
