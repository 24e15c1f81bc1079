"""An object storage that speaks as much of S3 as boto3 needs for one file at a time: PUT, GET, HEAD and DELETE by path."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

ACCESS_KEY, SECRET_KEY = "opie-tests", "a-secret-that-is-sent-to-nobody"
NOTHING = b"<Error><Code>NoSuchKey</Code><Message>There is no such key.</Message></Error>"
FORBIDDEN = b"<Error><Code>AccessDenied</Code><Message>Sign your requests.</Message></Error>"
DOWN = b"<Error><Code>InternalError</Code><Message>We are down.</Message></Error>"


@dataclass
class ObjectStorage:
    """What is stored, by "/bucket/key", and what was asked for. `is_down` answers 500 to everything."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    is_down: bool = False


@contextmanager
def object_storage() -> Iterator[ObjectStorage]:
    """Serve one on the loopback."""
    storage = ObjectStorage()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"storage": storage}))
    storage.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, name="s3", daemon=True)
    thread.start()
    try:
        yield storage
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    """One request on one connection."""

    storage: ObjectStorage

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            body = _unchunked(body)
        if self._is_let_in():
            self.storage.objects[self._path] = body
            self._answer(200, headers={"ETag": _etag(body)})

    def do_GET(self) -> None:
        if not self._is_let_in():
            return
        body = self.storage.objects.get(self._path)
        if body is None:
            self._answer(404, NOTHING)
        else:
            self._answer(200, body, {"ETag": _etag(body), "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        if self._is_let_in():
            self.storage.objects.pop(self._path, None)
            self._answer(204)

    @property
    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _is_let_in(self) -> bool:
        self.storage.asked.append((self.command, self._path))
        if self.storage.is_down:
            self._answer(500, DOWN)
        elif not self.headers.get("Authorization", "").startswith(f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/"):
            self._answer(403, FORBIDDEN)
        else:
            return True
        return False

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests look at `asked`."""


def _unchunked(body: bytes) -> bytes:
    """What is in a body of pieces, each behind its length; checksums stand behind the last, empty one."""
    out = b""
    while body:
        line, _, rest = body.partition(b"\r\n")
        length = int(line.partition(b";")[0], 16)
        if not length:
            break
        out, body = out + rest[:length], rest[length + 2 :]
    return out


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
