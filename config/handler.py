"""Django's ASGI handler without a thread for each request: one is made when something sync needs it, and not to find
that there is nothing to close."""

import asyncio
import contextlib
from typing import Any

from asgiref.sync import SyncToAsync, sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http import HttpRequest, HttpResponseBase
from django.urls import set_script_prefix


class Handler(ASGIHandler):
    """One request after another, each in a task of its own that ends when its reader leaves."""

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        try:
            set_script_prefix(get_script_prefix(scope))
            # On the loop, which has no connection; a thread that is made for this request has none yet either.
            signals.request_started.send(sender=type(self), scope=scope)
            request, refusal = self.create_request(scope, body)
            if request is not None:
                await self._answer(request, receive, send)
            elif refusal is not None:
                await self.send_response(refusal, send)
                await _close(refusal)
        finally:
            body.close()

    async def _answer(self, request: HttpRequest, receive: Any, send: Any) -> None:
        leaving = asyncio.ensure_future(self.listen_for_disconnect(receive))
        answering = asyncio.ensure_future(self._get_and_send(request, send))
        try:
            await asyncio.wait((leaving, answering), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (leaving, answering):
                task.cancel()
        # Views may have something to put in order when they are cancelled.
        _, response = await asyncio.gather(leaving, answering, return_exceptions=True)
        if isinstance(response, HttpResponseBase):
            await _close(response)
            return
        await _in_thread_if_any(signals.request_finished.send, sender=type(self))
        if not isinstance(response, asyncio.CancelledError):
            raise response

    async def _get_and_send(self, request: HttpRequest, send: Any) -> HttpResponseBase:
        response: HttpResponseBase = await self.run_get_response(request)
        with contextlib.suppress(asyncio.CancelledError):  # the reader left; the response is still to be closed
            await self.send_response(response, send)
        return response


async def _close(response: HttpResponseBase) -> None:
    """Ends the request for Django, too: connections of its thread are given back."""
    await _in_thread_if_any(response.close)


async def _in_thread_if_any(function: Any, **arguments: Any) -> None:
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is not None and context in SyncToAsync.context_to_thread_executor:
        await sync_to_async(function, thread_sensitive=True)(**arguments)
    else:
        function(**arguments)
