import assert from "node:assert/strict";
import { before, test } from "node:test";

import { Refused, type ChatApi } from "../src/chat/api.ts";
import { ConnectionLost, RunFollower } from "../src/chat/follow.ts";

const frame = (id: number, event: string, extra: object = {}): string =>
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify({ run_id: "r1", session_id: "s1", ...extra })}\n\n`;

/** A server that answers each call for events with the next of its responses, and notes where the reader was. */
function server(...responses: (() => Response)[]): { api: ChatApi; asked: string[] } {
  const asked: string[] = [];
  const events = (_run: string, after: string): Promise<Response> => {
    asked.push(after);
    const next = responses.shift();
    return next ? Promise.resolve().then(next) : Promise.reject(new Error("asked too often"));
  };
  return { api: { events } as unknown as ChatApi, asked };
}

async function typesOf(follower: RunFollower, first: () => Promise<Response>): Promise<string[]> {
  const types: string[] = [];
  for await (const event of follower.follow(first)) types.push(event.type);
  return types;
}

before(() => {
  // Node has no window to hear "online" from.
  Object.assign(globalThis, { addEventListener: () => undefined, removeEventListener: () => undefined });
});

test("a broken stream is read on from the last event seen", async () => {
  const states: string[] = [];
  const { api, asked } = server(
    () => {
      throw new TypeError("network");
    },
    () => new Response(frame(3, "message.delta", { text: "b" }) + frame(4, "run.finished")),
  );
  const follower = new RunFollower(api, (state) => states.push(state));
  const first = new Response(frame(1, "run.started") + frame(2, "message.delta", { text: "a" }));
  const types = await typesOf(follower, () => Promise.resolve(first));
  assert.deepEqual(types, ["run.started", "message.delta", "message.delta", "run.finished"]);
  assert.deepEqual(asked, ["2", "2"]);
  assert.deepEqual(states, ["lost", "open"]);
  assert.equal(follower.runId, "r1");
});

test("a server that was never reached is a lost connection", async () => {
  const follower = new RunFollower(server().api, () => undefined);
  await assert.rejects(typesOf(follower, () => Promise.reject(new TypeError("network"))), ConnectionLost);
});

test("a run that may not be read any more is not asked for again", async () => {
  const { api } = server(() => {
    throw new Refused(404, { code: "not_found", message: "" });
  });
  const follower = new RunFollower(api, () => undefined);
  await assert.rejects(typesOf(follower, () => Promise.resolve(new Response(frame(1, "run.started")))), Refused);
});

test("events of an unknown kind are passed over", async () => {
  const follower = new RunFollower(server().api, () => undefined);
  const body = frame(1, "run.started") + frame(2, "run.dreamt") + frame(3, "run.cancelled");
  assert.deepEqual(await typesOf(follower, () => Promise.resolve(new Response(body))), ["run.started", "run.cancelled"]);
});
