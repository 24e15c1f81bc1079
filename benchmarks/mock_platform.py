"""An OpenAI-shaped platform that streams a fixed number of tokens, as cheaply as Python can.

`python -m benchmarks.mock_platform PORT [TOKENS] [SECONDS_BETWEEN]`: raw asyncio, one write an answer unless a pause is
asked for, so that it is never the mock that is measured.
"""

import asyncio
import json
import sys

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"


def _chunk(choice: dict[str, object], **more: object) -> bytes:
    choices = [{"index": 0, "finish_reason": None, **choice}] if choice else []
    body = {
        "id": "bench",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": choices,
        **more,
    }
    data = b"data: " + json.dumps(body).encode() + b"\n\n"
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _frames(tokens: int) -> list[bytes]:
    usage = {"prompt_tokens": 20, "completion_tokens": tokens, "total_tokens": 20 + tokens}
    done = b"data: [DONE]\n\n"
    return [
        _chunk({"delta": {"role": "assistant", "content": ""}}),
        *(_chunk({"delta": {"content": f"word{number} "}}) for number in range(tokens)),
        _chunk({"delta": {}, "finish_reason": "stop"}),
        _chunk({}, usage=usage),
        f"{len(done):x}\r\n".encode() + done + b"\r\n0\r\n\r\n",
    ]


async def serve(port: int, tokens: int = 40, pause: float = 0.0) -> None:
    """Serve until cancelled."""
    frames = _frames(tokens)
    whole = b"".join(frames)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _read_request(reader):
                writer.write(HEAD)
                if pause:
                    for frame in frames:
                        writer.write(frame)
                        await writer.drain()
                        await asyncio.sleep(pause)
                else:
                    writer.write(whole)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port, limit=2**22)
    async with server:
        await server.serve_forever()


async def _read_request(reader: asyncio.StreamReader) -> bool:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return False
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    await reader.readexactly(length)
    return True


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), *(kind(text) for kind, text in zip((int, float), sys.argv[2:], strict=False))))
