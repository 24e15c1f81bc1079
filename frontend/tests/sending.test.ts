import assert from "node:assert/strict";
import { test } from "node:test";

import { SendingOrder } from "../src/chat/sending.ts";

test("messages are sent one after another, whatever became of those before", async () => {
  const order = new SendingOrder();
  const sent: string[] = [];
  const taken = order.hold();
  const refused = order.next(async () => {
    sent.push("second");
    await new Promise((resolve) => setTimeout(resolve, 5));
    throw new Error("no");
  });
  const third = order.next(async () => sent.push("third"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(sent, []);
  taken();
  taken();
  await assert.rejects(refused);
  await third;
  assert.deepEqual(sent, ["second", "third"]);
});
