"""The process in which files are read: what it may, and that it is gone when it should be."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from apps.opie.knowledge.reading import reader
from apps.opie.knowledge.reading.limits import MIB, Limits
from apps.opie.knowledge.reading.reader import Reading, read
from apps.opie.knowledge.reading.unreadable import Unreadable
from tests.opie.knowledge import documents
from tests.opie.knowledge.reading.conftest import Store, read_all, refusal

MANY_ROWS = documents.csv([["Name", "Text"], *([f"n{number}", "words " * 10] for number in range(100_000))])


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A program that is run instead of the reader: what parsers may do on a bad day."""
    package = tmp_path / "apps" / "opie" / "knowledge" / "reading"
    package.mkdir(parents=True)
    for folder in (package, *package.parents):
        if tmp_path in folder.parents:
            (folder / "__init__.py").touch()
    monkeypatch.setattr(reader, "_ROOT", tmp_path)
    return package / "__main__.py"


def children() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "apps.opie.knowledge.reading" in " ".join(one.cmdline())]


async def first_child() -> psutil.Process:
    for _ in range(2000):
        if found := children():
            return found[0]
        await asyncio.sleep(0.01)
    raise AssertionError("no process was started")


async def gone(process: psutil.Process) -> None:
    """Fails when it is there for long."""
    await asyncio.to_thread(process.wait, 20)


def instead(stand_in: Path, program: str) -> None:
    stand_in.write_text(program)


async def begun(reading: Reading) -> psutil.Process:
    await anext(reading)
    [child] = children()
    return child


async def rest(reading: Reading) -> int:
    return len([None async for _ in reading])


async def test_killed_in_the_middle_it_may_pass(store: Store) -> None:
    reading = read(store(MANY_ROWS), "a.csv")
    (await begun(reading)).kill()
    with pytest.raises(Unreadable) as refused:
        await rest(reading)
    assert (refused.value.code, refused.value.may_pass) == ("unreadable_interrupted", True)


async def test_a_parser_that_crashes(store: Store, stand_in: Path) -> None:
    instead(stand_in, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    assert (await refusal(store(b"x"), "a.txt")).code == "unreadable_damaged"


async def test_a_parser_that_never_ends(store: Store, stand_in: Path) -> None:
    instead(stand_in, "import time\ntime.sleep(600)\n")
    refused = await refusal(store(b"x"), "a.txt", Limits(silent_seconds=1))
    assert (refused.code, refused.may_pass) == ("unreadable_timeout", False)
    assert children() == []


async def test_a_parser_that_talks_for_too_long(store: Store, stand_in: Path) -> None:
    instead(stand_in, "import time\nwhile True:\n    print('[\"part\", 1, true]', flush=True)\n    time.sleep(0.02)\n")
    assert (await refusal(store(b"x"), "a.txt", Limits(seconds=1))).code == "unreadable_timeout"
    assert children() == []


async def test_a_program_that_says_nothing_is_not_the_files_fault(store: Store, stand_in: Path) -> None:
    instead(stand_in, "raise SystemExit(3)\n")
    assert (await refusal(store(b"x"), "a.txt")).code == "unreadable_interrupted"


async def test_processor_time_is_held_to_its_limit(store: Store) -> None:
    reading = read(store(MANY_ROWS * 5), "a.csv", Limits(seconds=1, cells=10**9, characters=10**9))
    with pytest.raises(Unreadable) as refused:
        await rest(reading)
    assert refused.value.code == "unreadable_timeout"


async def test_memory_is_held_to_its_limit(store: Store) -> None:
    content = json.dumps([{"key": number} for number in range(1_000_000)]).encode()
    refused = await refusal(store(content), "a.json", Limits(memory_bytes=128 * MIB, recognition_memory_bytes=0))
    assert (refused.code, "memory" in refused.message) == ("unreadable_too_large", True)


async def test_who_is_cancelled_leaves_no_process(store: Store) -> None:
    path, started = store(MANY_ROWS), asyncio.Event()

    async def consume() -> None:
        async with read(path, "a.csv") as reading:
            async for _ in reading:
                started.set()
                await asyncio.sleep(0)

    task = asyncio.create_task(consume())
    await started.wait()
    [child] = children()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(child)


async def test_who_is_cancelled_while_waiting_leaves_no_process(store: Store, stand_in: Path) -> None:
    instead(stand_in, "import time\ntime.sleep(600)\n")
    task = asyncio.create_task(read_all(store(b"x"), "a.txt"))
    child = await first_child()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(child)


async def test_who_stops_early_leaves_no_process(store: Store) -> None:
    async with read(store(MANY_ROWS), "a.csv") as reading:
        child = await begun(reading)
    await gone(child)
    assert [section async for section in reading] == []


async def test_who_only_lets_go_leaves_no_process(store: Store) -> None:
    reading = read(store(MANY_ROWS), "a.csv")
    child = await begun(reading)
    del reading
    await gone(child)


async def test_when_nobody_reads_any_more_it_ends(store: Store, tmp_path: Path) -> None:
    """As when the worker is killed."""
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom apps.opie.knowledge.reading.reader import read\n"
        "async def main():\n    reading = read(Path(sys.argv[1]), 'a.csv')\n    await anext(reading)\n"
        "    print(reading._child.process.pid, flush=True)\n    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(store(MANY_ROWS)), stdout=asyncio.subprocess.PIPE, cwd=Path.cwd()
    )
    assert worker.stdout is not None
    child = psutil.Process(int(await worker.stdout.readline()))
    worker.kill()
    await worker.wait()
    await gone(child)


async def test_it_waits_for_its_reader(store: Store) -> None:
    """However large the file, only so much of it is under way."""
    async with read(store(MANY_ROWS), "a.csv") as reading:
        child = await begun(reading)
        assert await at_rest(child)
        assert reading._child is not None
        assert len(reading._child.said._buffer) < 4 * MIB  # type: ignore[attr-defined]
        assert child.is_running()


async def at_rest(process: psutil.Process) -> bool:
    """Whether it stops using the processor within a while."""
    used = -1.0
    for _ in range(60):
        before, used = used, process.cpu_times().user
        if before == used:
            return True
        await asyncio.sleep(0.3)
    return False


async def test_it_knows_no_secrets_and_imports_neither_django_nor_agno(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "in the environment")
    async with read(store(MANY_ROWS), "a.csv") as reading:
        child = await begun(reading)
        environment = child.environ()
        mapped = {Path(one.path).parts for one in child.memory_maps() if "site-packages" in one.path}
    assert "SECRET_KEY" not in environment
    assert not {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "HOME"} & set(environment)
    assert set(environment) <= {
        "PATH",
        "LANG",
        "PYTHONUTF8",
        "PYTHONDONTWRITEBYTECODE",
        "OPENPYXL_LXML",
        "OMP_NUM_THREADS",
        "LC_CTYPE",
    }
    assert not [parts for parts in mapped if {"psycopg_binary", "uvloop", "pydantic_core"} & set(parts)]


@pytest.mark.parametrize("module", ["reader", "__main__", "pdf", "docx", "pptx", "xlsx", "html", "markdown", "image"])
async def test_no_module_of_it_draws_in_django_or_agno(module: str) -> None:
    program = (
        f"import apps.opie.knowledge.reading.{module}, sys\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'django', 'agno', 'config', 'pydantic'}))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path.cwd(),
        env={"OPENPYXL_LXML": "False", "PATH": os.defpath},
    )
    said, _ = await process.communicate()
    assert said.decode().strip() == "[]"


async def test_what_a_parser_raised_is_logged_and_not_told(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    content = documents.repacked(documents.docx([]), {"word/document.xml": b"<w:document"})
    refused = await refusal(store(content), "a.docx")
    assert "Traceback" in caplog.text
    assert "XML" not in refused.message
