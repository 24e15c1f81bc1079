"""The wire formats: each turns a Reply into a whole body, or into the pieces of a stream."""

import json
from collections.abc import Iterator
from typing import Any, Protocol

from tests.vendors.reply import Reply, Usage

Json = dict[str, Any]


class Format(Protocol):
    """One vendor's format."""

    stream_type: str

    def wants_stream(self, path: str, body: Json) -> bool: ...
    def whole(self, reply: Reply, body: Json) -> Json: ...
    def pieces(self, reply: Reply, body: Json) -> Iterator[str]: ...
    def error(self, reply: Reply) -> Json: ...


class OpenAIFormat:
    """POST /v1/chat/completions, as OpenAI, llama.cpp, GPT4All and many others speak it."""

    stream_type = "text/event-stream"

    def wants_stream(self, path: str, body: Json) -> bool:
        return bool(body.get("stream"))

    def whole(self, reply: Reply, body: Json) -> Json:
        message: Json = {"role": "assistant", "content": reply.text}
        if reply.tool:
            message = {"role": "assistant", "content": None, "tool_calls": self._tool_calls(reply)}
        if reply.thought:
            message["reasoning_content"] = reply.thought
        choice = {"index": 0, "message": message, "finish_reason": self._reason(reply)}
        envelope = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [choice],
        }
        return envelope | ({"usage": self._usage(reply.usage)} if reply.usage else {})

    def pieces(self, reply: Reply, body: Json) -> Iterator[str]:
        def chunk(delta: Json | None, finish: str | None = None, **more: Any) -> str:
            choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
            envelope = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
            return f"data: {json.dumps(envelope | {'choices': choices} | more)}\n\n"

        yield chunk({"role": "assistant", "content": ""})
        if reply.thought:
            yield chunk({"reasoning_content": reply.thought})
        if reply.tool:
            for index, call in enumerate(self._tool_calls(reply)):
                arguments = call["function"]["arguments"]
                call["function"]["arguments"] = ""
                yield chunk({"tool_calls": [{"index": index} | call]})
                size = len(arguments) if reply.in_one_piece else 5
                for start in range(0, len(arguments), size):
                    part = {"index": index, "function": {"arguments": arguments[start : start + size]}}
                    yield chunk({"tool_calls": [part]})
        else:
            for word in reply.words():
                yield chunk({"content": word})
        yield chunk({}, self._reason(reply))
        if reply.usage and body.get("stream_options", {}).get("include_usage"):
            yield chunk(None, usage=self._usage(reply.usage))
        yield "data: [DONE]\n\n"

    def error(self, reply: Reply) -> Json:
        return {"error": {"message": reply.text, "type": "error", "param": None, "code": reply.error_code or None}}

    def _reason(self, reply: Reply) -> str:
        if reply.is_refused:
            return "content_filter"
        return "tool_calls" if reply.tool else "stop"

    def _tool_calls(self, reply: Reply) -> list[Json]:
        return [
            {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for number, (name, arguments) in enumerate([(reply.tool, reply.arguments), *reply.more_calls], start=1)
        ]

    def _usage(self, usage: Usage) -> Json:
        return {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        }


class AnthropicFormat:
    """POST /v1/messages."""

    stream_type = "text/event-stream"

    def wants_stream(self, path: str, body: Json) -> bool:
        return bool(body.get("stream"))

    def whole(self, reply: Reply, body: Json) -> Json:
        content = [self._block(reply, reply.text, reply.arguments)]
        if reply.thought:
            content.insert(0, {"type": "thinking", "thinking": reply.thought, "signature": "c2lnbmVk"})
        return self._message(body) | {
            "content": content,
            "stop_reason": self._reason(reply),
            "usage": self._usage(reply.usage),
        }

    def pieces(self, reply: Reply, body: Json) -> Iterator[str]:
        def event(kind: str, **more: Any) -> str:
            return f"event: {kind}\ndata: {json.dumps({'type': kind} | more)}\n\n"

        started = self._usage(reply.usage) | {"output_tokens": 1}
        yield event(
            "message_start", message=self._message(body) | {"content": [], "stop_reason": None, "usage": started}
        )
        at = 0
        if reply.thought:
            thinking = {"type": "thinking", "thinking": "", "signature": ""}
            yield event("content_block_start", index=0, content_block=thinking)
            yield event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": reply.thought})
            yield event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "c2lnbmVk"})
            yield event("content_block_stop", index=0)
            at = 1
        yield event("content_block_start", index=at, content_block=self._block(reply, "", {}))
        if reply.tool:
            arguments = json.dumps(reply.arguments)
            for start in range(0, len(arguments), 5):
                delta = {"type": "input_json_delta", "partial_json": arguments[start : start + 5]}
                yield event("content_block_delta", index=at, delta=delta)
        else:
            for word in reply.words():
                yield event("content_block_delta", index=at, delta={"type": "text_delta", "text": word})
        yield event("content_block_stop", index=at)
        stop = {"stop_reason": self._reason(reply), "stop_sequence": None}
        yield event("message_delta", delta=stop, usage={"output_tokens": self._usage(reply.usage)["output_tokens"]})
        yield event("message_stop")

    def error(self, reply: Reply) -> Json:
        return {"type": "error", "error": {"type": reply.error_code or "api_error", "message": reply.text}}

    def _reason(self, reply: Reply) -> str:
        if reply.is_refused:
            return "refusal"
        return "tool_use" if reply.tool else "end_turn"

    def _message(self, body: Json) -> Json:
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None}

    def _block(self, reply: Reply, text: str, arguments: Json) -> Json:
        if reply.tool:
            return {"type": "tool_use", "id": "toolu_1", "name": reply.tool, "input": arguments}
        return {"type": "text", "text": text}

    def _usage(self, usage: Usage | None) -> Json:
        known = usage or Usage(0, 0, 0, 0, 0)
        return {
            "input_tokens": known.input - known.cached - known.cache_write,
            "cache_read_input_tokens": known.cached,
            "cache_creation_input_tokens": known.cache_write,
            "output_tokens": known.output,
        }


class GeminiFormat:
    """POST /v1beta/models/{model}:generateContent and :streamGenerateContent."""

    stream_type = "text/event-stream"

    def wants_stream(self, path: str, body: Json) -> bool:
        return ":streamGenerateContent" in path

    def whole(self, reply: Reply, body: Json) -> Json:
        return self._response(reply, [*self._thought(reply), self._part(reply, reply.text)], is_last=True)

    def pieces(self, reply: Reply, body: Json) -> Iterator[str]:
        texts = [""] if reply.tool else reply.words()
        for number, text in enumerate(texts, start=1):
            parts = [*(self._thought(reply) if number == 1 else []), self._part(reply, text)]
            piece = self._response(reply, parts, is_last=number == len(texts))
            yield f"data: {json.dumps(piece)}\r\n\r\n"

    def error(self, reply: Reply) -> Json:
        return {"error": {"code": reply.status, "message": reply.text, "status": reply.error_code or "INTERNAL"}}

    def _part(self, reply: Reply, text: str) -> Json:
        return {"functionCall": {"name": reply.tool, "args": reply.arguments}} if reply.tool else {"text": text}

    def _thought(self, reply: Reply) -> list[Json]:
        return [{"text": reply.thought, "thought": True}] if reply.thought else []

    def _response(self, reply: Reply, parts: list[Json], *, is_last: bool) -> Json:
        candidate: Json = {"index": 0, "content": {"role": "model", "parts": parts}}
        if is_last:
            candidate["finishReason"] = "SAFETY" if reply.is_refused else "STOP"
        response: Json = {"candidates": [candidate], "modelVersion": "gemini", "responseId": "response-1"}
        if reply.usage:
            usage = reply.usage
            response["usageMetadata"] = {
                "promptTokenCount": usage.input,
                "cachedContentTokenCount": usage.cached,
                "candidatesTokenCount": usage.output - usage.reasoning,
                "thoughtsTokenCount": usage.reasoning,
                "totalTokenCount": usage.input + usage.output,
            }
        return response


class OllamaFormat:
    """POST /api/chat."""

    stream_type = "application/x-ndjson"

    def wants_stream(self, path: str, body: Json) -> bool:
        return bool(body.get("stream", True))

    def whole(self, reply: Reply, body: Json) -> Json:
        message = self._message(reply, "" if reply.tool else reply.text)
        if reply.thought:
            message["thinking"] = reply.thought
        return self._line(body, message) | self._end(reply)

    def pieces(self, reply: Reply, body: Json) -> Iterator[str]:
        if reply.thought:
            thinking = {"role": "assistant", "content": "", "thinking": reply.thought}
            yield json.dumps(self._line(body, thinking) | {"done": False}) + "\n"
        for word in [""] if reply.tool else reply.words():
            yield json.dumps(self._line(body, self._message(reply, word)) | {"done": False}) + "\n"
        yield json.dumps(self._line(body, {"role": "assistant", "content": ""}) | self._end(reply)) + "\n"

    def error(self, reply: Reply) -> Json:
        return {"error": reply.text}

    def _line(self, body: Json, message: Json) -> Json:
        return {"model": body["model"], "created_at": "2026-01-01T00:00:00Z", "message": message}

    def _message(self, reply: Reply, text: str) -> Json:
        message: Json = {"role": "assistant", "content": text}
        if reply.tool:
            message["tool_calls"] = [{"function": {"name": reply.tool, "arguments": reply.arguments}}]
        return message

    def _end(self, reply: Reply) -> Json:
        counts = {"prompt_eval_count": reply.usage.input, "eval_count": reply.usage.output} if reply.usage else {}
        return {"done": True, "done_reason": "stop", "total_duration": 1, "load_duration": 1} | counts


def format_of(path: str) -> Format:
    """The format of the vendor whose path was asked for."""
    if path.startswith("/v1beta/"):
        return GeminiFormat()
    if path == "/api/chat":
        return OllamaFormat()
    return AnthropicFormat() if path.startswith("/v1/messages") else OpenAIFormat()
