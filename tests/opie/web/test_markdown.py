"""What agents write cannot act: it can only be read."""

import re

import pytest

from apps.opie.web.markdown import render_markdown
from apps.opie.web.templatetags.prose import as_json


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "![x](javascript:alert(1))",
        "![x](data:image/svg+xml,<svg onload=alert(1)>)",
        "<a href='javascript:alert(1)'>x</a>",
        '[x](https://a.example "t\\" onmouseover=alert(1)")',
        "```<script>\nalert(1)\n```",
        '``` x" onclick="alert(1)\ny\n```',
        "<style>*{display:none}</style>",
        "<!-- --><iframe src=//evil.example>",
        "&lt;script&gt;",
    ],
)
def test_nothing_in_it_can_act(source: str) -> None:
    html = render_markdown(source)
    tags = re.findall(r"<([a-z0-9]+)((?:\s[^>]*)?)>", html)
    assert {name for name, _ in tags} <= {"p", "a", "code", "pre", "br"}
    for name, attributes in tags:
        names = set(re.findall(r'\s([a-z-]+)="', re.sub(r'"[^"]*"', '""', attributes)))
        assert names <= {"a": {"href", "title", "rel", "target"}, "code": {"class"}}.get(name, set())
    assert not re.search(r'href="(?!https?:|mailto:|/|#)', html)


def test_pictures_become_links() -> None:
    html = render_markdown("![a chart](https://pictures.example/1.png?secret=1)")
    assert "<img" not in html
    assert '<a href="https://pictures.example/1.png?secret=1" rel="noopener noreferrer nofollow"' in html
    assert ">a chart</a>" in html


def test_links_tell_the_other_side_nothing() -> None:
    for source in ("[x](https://a.example)", "https://a.example", "<https://a.example>"):
        assert 'href="https://a.example" rel="noopener noreferrer nofollow" target="_blank"' in render_markdown(source)


def test_what_people_write_looks_as_they_mean_it() -> None:
    html = render_markdown("one\ntwo\n\n|a|b|\n|-|-:|\n|1|2|\n\n~~no~~ **yes**\n\n3. three")
    assert "one<br>" in html
    assert '<td class="cell-right">2</td>' in html
    assert "style=" not in html
    assert "<s>no</s> <strong>yes</strong>" in html
    assert '<ol start="3">' in html


def test_json_is_laid_out_and_text_is_left_alone() -> None:
    assert as_json('{"a": [1]}') == '{\n  "a": [\n    1\n  ]\n}'
    assert as_json({"ü": 1}) == '{\n  "ü": 1\n}'
    assert as_json("plain { text") == "plain { text"
    assert as_json("42") == "42"
