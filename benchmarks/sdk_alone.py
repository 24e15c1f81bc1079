"""The floor: the openai SDK streaming from the mock, in a process that does nothing else.

`python -m benchmarks.sdk_alone URL CALLERS CALLS` prints one line of JSON.
"""

import asyncio
import json
import sys
from time import perf_counter, process_time

from openai import AsyncOpenAI

from benchmarks.load import Measured


async def measure(url: str, callers: int, calls: int) -> dict[str, float]:
    measured, numbers = Measured(), iter(range(calls))
    async with AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:

        async def caller() -> None:
            for _ in numbers:
                started, first = perf_counter(), 0.0
                stream = await client.chat.completions.create(
                    model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}], stream=True
                )
                async for chunk in stream:
                    if not first and chunk.choices and chunk.choices[0].delta.content:
                        first = perf_counter() - started
                measured.first.append(first)
                measured.last.append(perf_counter() - started)

        await caller_once(client)
        started, spent = perf_counter(), process_time()
        await asyncio.gather(*(caller() for _ in range(callers)))
        measured.seconds = perf_counter() - started
        cpu = process_time() - spent
    return measured.as_json() | {"cpu_ms_per_answer": round(cpu / calls * 1000, 2)}


async def caller_once(client: AsyncOpenAI) -> None:
    """The first call pays for connections and imports."""
    await client.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}], stream=True
    )


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
