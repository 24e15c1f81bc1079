"""What the front-end build left behind: which file an entry has become, and the drawings of the icons."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class FrontendNotBuilt(ImproperlyConfigured):
    """The build is missing, or does not hold what a page asks for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The files a page loads for one entry; addresses below STATIC_URL."""

    script: str
    styles: tuple[str, ...]
    preloads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Build:
    """One build: Vite's manifest, and icon name → the inside of its SVG."""

    manifest: dict[str, dict[str, object]]
    icons: dict[str, str]

    def entry(self, source: str) -> Entry:
        """Take an entry's source path as the manifest names it. Raises FrontendNotBuilt for an unknown one."""
        chunks = self._with_imports(source)
        styles = tuple(dict.fromkeys(style for chunk in chunks for style in _strings(chunk, "css")))
        return Entry(self.file(source), styles, tuple(str(chunk["file"]) for chunk in chunks[1:]))

    def file(self, source: str) -> str:
        """The built file of a source. Raises FrontendNotBuilt for an unknown one."""
        return str(self._chunk(source)["file"])

    def icon(self, name: str) -> str:
        """The inside of an icon's SVG. Raises FrontendNotBuilt when frontend/icons.json does not list it."""
        try:
            return self.icons[name]
        except KeyError:
            raise FrontendNotBuilt(f"The icon {name!r} is not in this build: list it in frontend/icons.json.") from None

    def _chunk(self, source: str) -> dict[str, object]:
        try:
            return self.manifest[source]
        except KeyError:
            raise FrontendNotBuilt(f"{source!r} is not in the front-end build.") from None

    def _with_imports(self, source: str) -> list[dict[str, object]]:
        """The chunk and all that it imports, each once, the chunk itself first."""
        seen = [source]
        for name in seen:
            seen += [found for found in _strings(self._chunk(name), "imports") if found not in seen]
        return [self._chunk(name) for name in seen]


def current_build() -> Build:
    """The build as it is on disk: read once a process, and each time in debug mode."""
    if settings.DEBUG:
        _read.cache_clear()
    return _read()


@cache
def _read() -> Build:
    for folder in (Path(settings.BASE_DIR) / "static", Path(settings.STATIC_ROOT)):
        if (folder / "manifest.json").is_file():
            return Build(_load(folder / "manifest.json"), _load(folder / "icons.json"))
    raise FrontendNotBuilt(
        "The front end has not been built: run `npm ci && npm run build` in frontend/, or `make run`."
    )


def _load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def _strings(chunk: dict[str, object], key: str) -> list[str]:
    found = chunk.get(key, [])
    return [str(item) for item in found] if isinstance(found, list) else []
