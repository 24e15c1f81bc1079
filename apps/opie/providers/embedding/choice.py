"""Which embedding models a team may choose from."""

from collections.abc import Iterator
from uuid import UUID

from apps.api.errors import InvalidInput, NotFound
from apps.opie.models.platforms import AIPlatform
from apps.opie.providers.choice import has_readable_key
from apps.opie.providers.embedding.embedder import LOCAL, LOCAL_EMBEDDER, LOCAL_MODEL, MOST_DIMENSIONS, Embedder
from apps.opie.providers.embedding.known_models import DEFAULT_EMBEDDINGS, known_model
from apps.opie.providers.registry import get_registry
from apps.opie.providers.snapshot import PlatformSnapshot


def embedders_for(team_id: UUID | None) -> list[Embedder]:
    """What a team may choose without further ado: the local model where it is installed, then each enabled platform
    that has a default embedding model, in the order of the platforms. Sync: it reads rows."""
    found = [LOCAL_EMBEDDER] if is_local_installed() else []
    names = {LOCAL}
    for platform in _platforms_of(team_id):
        default = DEFAULT_EMBEDDINGS.get(platform.api_type)
        if default is not None and platform.platform_name not in names:
            names.add(platform.platform_name)
            found.append(Embedder(platform.platform_name, platform, default.model, default.dimensions))
    return found


def default_embedder() -> Embedder:
    """The local model. Raises Unavailable, with what to install or configure, where it is not installed."""
    from apps.opie.providers.embedding.local.weights import not_installed

    if not is_local_installed():
        raise not_installed()
    return LOCAL_EMBEDDER


def embedder_named(
    team_id: UUID | None, platform_name: str, model: str = "", *, dimensions: int | None = None
) -> Embedder:
    """A model of a platform that the team may use; without `model`, the platform's default one. Sync: it reads rows.

    `dimensions` is how long its vectors are to be, or were found to be (`probe`). Raises NotFound for a platform that is
    not there or not for the team, InvalidInput where it embeds nothing, where the length is not known, or cannot be
    had, and Unavailable where the local model is not installed.
    """
    if platform_name == LOCAL:
        _check_local(model, dimensions)
        return default_embedder()
    for platform in _platforms_of(team_id):
        if platform.platform_name == platform_name:
            return _embedder_on(platform, model, dimensions)
    raise NotFound(f"There is no platform {platform_name!r} that embeds texts, or it is not for your team.")


def is_local_installed() -> bool:
    """Whether the files of the local model are there. They are verified when it is loaded."""
    from apps.opie.providers.embedding.local.weights import folder_of_model

    return folder_of_model() is not None


def check_dimensions(dimensions: int) -> None:
    """Raises InvalidInput for vectors that are longer than any table takes."""
    if not 0 < dimensions <= MOST_DIMENSIONS:
        raise InvalidInput(
            f"Vectors of {dimensions} numbers cannot be stored: at most {MOST_DIMENSIONS}. Choose another model, or "
            "one that gives shorter vectors.",
            code="vectors_too_long",
        )


def _check_local(model: str, dimensions: int | None) -> None:
    if model not in ("", LOCAL_MODEL) or dimensions not in (None, LOCAL_EMBEDDER.dimensions):
        raise InvalidInput(
            f"Here runs {LOCAL_MODEL}, with {LOCAL_EMBEDDER.dimensions} numbers a vector, and no other model.",
            code="unknown_embedding_model",
        )


def _embedder_on(platform: PlatformSnapshot, model: str, dimensions: int | None) -> Embedder:
    default = DEFAULT_EMBEDDINGS.get(platform.api_type)
    wanted = model or (default.model if default is not None else "")
    known = known_model(platform.api_type, wanted)
    length = dimensions or (known.dimensions if known is not None else 0)
    if not wanted or not length:
        raise InvalidInput(
            f"How long the vectors of {wanted or 'a model'} at {platform.platform_name} are is not known. Name the model, "
            "and let it be tried out.",
            code="unknown_embedding_model",
        )
    check_dimensions(length)
    if known is not None and length != known.native and not (known.may_be_shorter and length < known.native):
        raise InvalidInput(f"{wanted} has no vectors of {length} numbers.", code="unknown_embedding_model")
    return Embedder(platform.platform_name, platform, wanted, length)


def _platforms_of(team_id: UUID | None) -> Iterator[PlatformSnapshot]:
    """The enabled platforms that can embed and can be asked, the team's own before the installation's of that name."""
    usable = list(AIPlatform.objects.serving(team_id).usable())
    own = {row.platform_name for row in usable if row.team_id is not None}
    for row in usable:
        adapter = get_registry().get(row.api_type)
        if adapter is None or adapter.embed is None or (row.team_id is None and row.platform_name in own):
            continue
        if has_readable_key(row) and adapter.is_usable(PlatformSnapshot.of(row)):
            yield PlatformSnapshot.of(row)
