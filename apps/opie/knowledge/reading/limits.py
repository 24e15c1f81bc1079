"""How much of a file is read, in one place."""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What is over one of these is refused with a reason, before or while it is read."""

    file_bytes: int = 200 * MIB
    # Of formats that are held in memory as a whole: HTML, Markdown and JSON.
    whole_bytes: int = 32 * MIB

    # Of archives, which Office documents are.
    unpacked_bytes: int = 1024 * MIB
    unpacked_ratio: int = 200
    # Small members may be packed tighter: a page of spaces is no bomb.
    ratio_from_bytes: int = 8 * MIB
    # XML becomes a tree many times its size; images in a document are not parsed.
    xml_bytes: int = 256 * MIB
    members: int = 20_000
    directory_bytes: int = 4 * MIB

    pages: int = 20_000
    characters: int = 100_000_000
    cells: int = 5_000_000
    cell_characters: int = 1_000_000
    json_depth: int = 64
    pixels: int = 50_000_000

    # Waited for the reader in all, and since it last said something. Time in which nobody asks it does not count.
    seconds: int = 900
    silent_seconds: int = 180
    memory_bytes: int = 1024 * MIB
    # While it recognises text in images, for which a model is loaded.
    recognition_memory_bytes: int = 4096 * MIB
