"""The template language: what it says, what it refuses and where, and that values are data."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.opie.library import TemplateRenderer, UnusableTemplate
from apps.opie.library.template import literally


def rendered(template: str, **values: Any) -> str:
    return TemplateRenderer(template).render(values)


def problems_of(template: str) -> list[tuple[int, int, str]]:
    with pytest.raises(UnusableTemplate) as refused:
        TemplateRenderer(template)
    return [(one.line, one.column, one.message) for one in refused.value.problems]


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("Review {{code}}.", {"code": "x = 1"}, "Review x = 1."),
        ("{{ code }}{{code}}", {"code": "a"}, "aa"),
        ("{{a}}{{b}}", {"a": 3, "b": 2.5}, "32.5"),
        ("{{#if tests}}with{{else}}without{{/if}} tests", {"tests": True}, "with tests"),
        ("{{#if tests}}with{{else}}without{{/if}} tests", {"tests": False}, "without tests"),
        ("{{#if a}}A{{#if b}}B{{else}}-{{/if}}{{/if}}", {"a": "x", "b": ""}, "A-"),
        ("{{#if a}}A{{#if b}}B{{/if}}{{else}}none{{/if}}", {"b": "x"}, "none"),
        ("{{#if n}}{{n}}{{/if}}", {"n": 0}, "0"),
        ("[{{missing}}]", {}, "[]"),
        ("{{flag}} {{other}}", {"flag": True, "other": False}, "yes no"),
        ("}} and { and }", {}, "}} and { and }"),
        (r"\{{name}} is {{name}}", {"name": "x"}, "{{name}} is x"),
        (r"C:\\{{name}}", {"name": "x"}, r"C:\x"),
        (r"a\b", {}, r"a\b"),
    ],
)
def test_rendering(template: str, values: dict[str, Any], text: str) -> None:
    assert rendered(template, **values) == text


def test_lists_become_bullets_and_dicts_lines() -> None:
    assert rendered("{{l}}", l=["one", "two\nlines", 3]) == "- one\n- two\n  lines\n- 3"
    assert rendered("{{d}}", d={"goal": "fast", "steps": ["a", "b"], "none": None}) == (
        "goal: fast\nsteps:\n  - a\n  - b\nnone:"
    )
    assert rendered("{{l}}", l=[{"id": 1, "name": "x"}, {"id": 2}]) == "- id: 1\n  name: x\n- id: 2"
    assert rendered("{{l}}{{d}}", l=[], d={}) == ""


def test_a_blocks_tag_takes_its_line_with_it() -> None:
    template = "Do it.\n  {{#if how}}\n  How: {{how}}\n  {{else}}\n  As you like.\n  {{/if}}\nEnd.\n"
    assert rendered(template, how="fast") == "Do it.\n  How: fast\nEnd.\n"
    assert rendered(template) == "Do it.\n  As you like.\nEnd.\n"
    assert rendered("a {{#if x}}\nb{{/if}}\nc", x=1) == "a \nb\nc"


@pytest.mark.parametrize(
    ("template", "line", "column", "words"),
    [
        ("One\n  {{#if code}}text", 2, 3, "never closed"),
        ("{{else}}", 1, 1, "belongs to no"),
        ("text\n\n{{/if}}", 3, 1, "belongs to no"),
        ("{{#if a}}{{else}}{{else}}{{/if}}", 1, 18, "already"),
        ("a {{code", 1, 3, "never closed"),
        ("a {{code\n}}", 1, 3, "never closed"),
        ("{{#each items}}", 1, 1, "not known"),
        ("{{a.b}}", 1, 1, "not known"),
        ("{{a|safe}}", 1, 1, "not known"),
        ("{{}}", 1, 1, "not known"),
        ("{{{a}}}", 1, 1, "not known"),
        ("{{{{a}}}}", 1, 1, "not known"),
        ("{{#if}}x{{/if}}", 1, 1, "name of one variable"),
        ("{{#if a b}}x{{/if}}", 1, 1, "name of one variable"),
        ("{{#unless a}}x", 1, 1, "not known"),
        ("é{{1a}}", 1, 2, "not known"),
        ("\r\n{{/if}}", 2, 1, "belongs to no"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(template: str, line: int, column: int, words: str) -> None:
    found = problems_of(template)
    assert found[0][:2] == (line, column)
    assert words in found[0][2]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = problems_of("{{/if}}\n{{#each x}}\n{{#if a}}\n")
    assert [place[:2] for place in found] == [(1, 1), (2, 1), (3, 1)]


def test_blocks_are_not_nested_without_end() -> None:
    assert rendered("{{#if a}}" * 16 + "x" + "{{/if}}" * 16, a=1) == "x"
    assert "stands in 16 others" in problems_of("{{#if a}}" * 2000 + "x" + "{{/if}}" * 2000)[0][2]


def test_a_template_has_an_end() -> None:
    assert "at most" in problems_of("x" * 50_001)[0][2]


def test_variables_have_to_be_defined() -> None:
    template = TemplateRenderer("{{a}}\n{{#if b}}{{c}}{{/if}}")
    assert template.variables == {"a", "b", "c"}
    template.check({"a", "b", "c", "d"})
    with pytest.raises(UnusableTemplate) as refused:
        template.check({"a"})
    assert [(one.line, one.column) for one in refused.value.problems] == [(2, 1), (2, 10)]
    assert "named b" in str(refused.value)


# Text that is made of what the language is made of, and text that is not.
_AWKWARD = st.lists(
    st.sampled_from(["{{", "}}", "{", "}", "\\", "#if ", "else", "/if", "a", "{{a}}", "{{#if a}}", "{{/if}}", "\n"])
).map("".join)
ANY_TEXT = st.one_of(st.text(), _AWKWARD)


def plain(text: str) -> str:
    """As templates are read: line ends are \\n."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(ANY_TEXT)
def test_any_text_can_be_written_literally(text: str) -> None:
    assert rendered(literally(text)) == plain(text)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_value_survives_between_any_texts(before: str, value: str, after: str) -> None:
    # A backslash right before the braces would belong to them: whoever writes one there doubles it.
    slashes = len(before) - len(before.rstrip("\\"))
    template = literally(before) + "\\" * slashes + "{{value}}" + literally(after)
    if literally(before).endswith("{") or re.match(r"[{}]", after):
        template = literally(before + " ") + "{{value}}" + literally(" " + after)
        before, after = before + " ", " " + after
    assert rendered(template, value=value) == plain(before) + value + plain(after)


@given(ANY_TEXT, st.booleans())
def test_no_value_can_open_or_close_a_block(value: str, flag: bool) -> None:
    template = "[{{value}}|{{#if flag}}yes {{value}}{{else}}no {{value}}{{/if}}|{{value}}]"
    word = "yes" if flag else "no"
    assert rendered(template, value=value, flag=flag, a="A") == f"[{value}|{word} {value}|{value}]"


@given(st.lists(ANY_TEXT, max_size=4), st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=4))
def test_no_value_inside_a_list_or_a_dict_is_rendered(items: list[str], entries: dict[str, str]) -> None:
    text = rendered("{{items}}{{entries}}", items=items, entries=entries, a="REPLACED")
    assert "REPLACED" not in text
    assert text.count("{{a}}") == sum(one.count("{{a}}") for one in [*items, *entries, *entries.values()])


@example("{{{A}}")
@given(ANY_TEXT)
def test_whatever_is_read_as_a_template_renders_or_is_refused_with_places(template: str) -> None:
    lines = plain(template).split("\n")
    try:
        problems = []
        TemplateRenderer(template).render({})
    except UnusableTemplate as refused:
        problems = refused.problems
    for problem in problems:
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
    assert bool(problems) is not is_template(template)


def is_template(text: str) -> bool:
    """By another way than the reader's: what is left after taking everything known away, from the inside out."""
    rest = re.sub(r"(?<!\\)((?:\\\\)*)\\\{\{", r"\1·", plain(text))
    # Of three braces the first two are read: what follows them is no name.
    rest = re.sub(r"(?<!\{)\{\{[ \t]*(?!else[ \t]*\}\})[A-Za-z_]\w{0,63}[ \t]*\}\}", "·", rest, flags=re.ASCII)
    block = r"(?<!\{)\{\{[ \t]*#if[ \t]+(?!else[ \t]*\}\})[A-Za-z_]\w{0,63}[ \t]*\}\}(?:(?!\{\{).)*(?:\{\{[ \t]*else[ \t]*\}\}(?:(?!\{\{).)*)?\{\{[ \t]*/[ \t]*if[ \t]*\}\}"
    while (fewer := re.sub(block, "·", rest, flags=re.ASCII | re.DOTALL)) != rest:
        rest = fewer
    return "{{" not in rest
