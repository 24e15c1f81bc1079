"""Templates find what the front-end build made, and say so when it is not there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Template

from apps.opie.web.frontend import FrontendNotBuilt, _read

MANIFEST = {
    "src/chat.ts": {"file": "assets/chat-1.js", "isEntry": True, "imports": ["_shared.js", "src/main.ts"]},
    "src/main.ts": {
        "file": "assets/main-1.js",
        "isEntry": True,
        "imports": ["_shared.js"],
        "css": ["assets/main-1.css"],
    },
    "_shared.js": {"file": "assets/shared-1.js", "css": ["assets/shared-1.css", "assets/main-1.css"]},
}


@pytest.fixture
def build(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.BASE_DIR, settings.STATIC_ROOT = tmp_path, tmp_path / "collected"
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(MANIFEST))
    (folder / "icons.json").write_text(json.dumps({"send": '<path d="M1 1" />'}))
    _read.cache_clear()
    yield folder
    _read.cache_clear()


def shown(template: str) -> str:
    return Template("{% load frontend %}" + template).render(Context())


def test_an_entry_brings_its_styles_and_imports_once_each(build: Path) -> None:
    assert shown('{% vite_entry "src/chat.ts" %}').split("\n") == [
        '<link rel="stylesheet" href="/static/assets/shared-1.css">',
        '<link rel="stylesheet" href="/static/assets/main-1.css">',
        '<link rel="modulepreload" href="/static/assets/shared-1.js">',
        '<link rel="modulepreload" href="/static/assets/main-1.js">',
        '<script type="module" src="/static/assets/chat-1.js"></script>',
    ]


def test_an_icon_is_decoration(build: Path) -> None:
    svg = shown('{% icon "send" "big" %}')
    assert svg.startswith('<svg class="icon big"')
    assert 'aria-hidden="true"' in svg
    assert '<path d="M1 1" />' in svg


@pytest.mark.parametrize("asked", ['{% vite_entry "src/none.ts" %}', '{% vite_file "none" %}', '{% icon "none" %}'])
def test_what_is_not_in_the_build_is_said(build: Path, asked: str) -> None:
    with pytest.raises(FrontendNotBuilt, match="none"):
        shown(asked)


def test_a_missing_build_says_how_to_make_it(build: Path) -> None:
    (build / "manifest.json").unlink()
    with pytest.raises(FrontendNotBuilt, match="npm run build"):
        shown('{% icon "send" %}')


def test_a_new_build_is_seen_at_once_in_debug_mode_only(build: Path, settings: Any) -> None:
    assert "M1 1" in shown('{% icon "send" %}')
    (build / "icons.json").write_text(json.dumps({"send": "<circle />"}))
    assert "M1 1" in shown('{% icon "send" %}')
    settings.DEBUG = True
    assert "<circle />" in shown('{% icon "send" %}')


def test_production_reads_what_was_collected(build: Path, settings: Any) -> None:
    build.rename(settings.STATIC_ROOT)
    assert "M1 1" in shown('{% icon "send" %}')
