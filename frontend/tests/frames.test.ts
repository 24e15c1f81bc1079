import assert from "node:assert/strict";
import { test } from "node:test";

import { FrameParser, readFrames, SilentStream } from "../src/chat/frames.ts";

test("a frame cut anywhere is put together again", () => {
  const wire = 'id: 7\nevent: message.delta\ndata: {"text":\ndata: "Grüße"}\n\n';
  for (let cut = 0; cut <= wire.length; cut++) {
    const parser = new FrameParser();
    const frames = [...parser.push(wire.slice(0, cut)), ...parser.push(wire.slice(cut))];
    assert.deepEqual(frames, [{ id: "7", event: "message.delta", data: '{"text":\n"Grüße"}' }], `cut at ${cut}`);
  }
});

test("lines may end in any of the three ways", () => {
  for (const end of ["\n", "\r", "\r\n"]) {
    const frames = new FrameParser().push(["event: a", "data: 1", "", "data: 2", "", ": end"].join(end) + end);
    assert.deepEqual(frames.map(({ event, data }) => [event, data]), [["a", "1"], ["message", "2"]]);
  }
});

test("comments, and frames without data, say nothing", () => {
  assert.deepEqual(new FrameParser().push(": heartbeat\n\nevent: empty\n\n"), []);
});

test("the last id stays until another comes", () => {
  const frames = new FrameParser().push("id: 1\ndata: a\n\ndata: b\n\n");
  assert.deepEqual(frames.map((frame) => frame.id), ["1", "1"]);
});

test("letters that are cut between two packets stay whole", async () => {
  const bytes = new TextEncoder().encode("data: ä\n\n");
  const body = ReadableStream.from([bytes.slice(0, 7), bytes.slice(7)]) as ReadableStream<Uint8Array>;
  const data: string[] = [];
  for await (const frame of readFrames(body, 1000)) data.push(frame.data);
  assert.deepEqual(data, ["ä"]);
});

test("a silent stream is given up", async () => {
  const body = new ReadableStream<Uint8Array>();
  await assert.rejects(readFrames(body, 10).next(), SilentStream);
});
