import assert from "node:assert/strict";
import { test } from "node:test";

import { waitBefore } from "../src/chat/backoff.ts";
import { duration, money, relativeTime, tokens } from "../src/format.ts";

test("tokens", () => {
  assert.deepEqual([0, 999, 1000, 1234, 9949, 9950, 12_400].map(tokens), ["0", "999", "1.0 k", "1.2 k", "9.9 k", "10 k", "12 k"]);
});

test("durations", () => {
  assert.deepEqual([0, 870, 1234, 59_940, 125_000].map(duration), ["0 ms", "870 ms", "1.2 s", "59.9 s", "2 min 5 s"]);
});

test("money keeps the digits that say something", () => {
  assert.equal(money("0", "USD"), "0.00 USD");
  assert.equal(money("0.0001234000", "USD"), "0.00012 USD");
  assert.equal(money("0.25", "EUR"), "0.25 EUR");
  assert.equal(money("3.5", "USD"), "3.50 USD");
});

test("times are told as people tell them", () => {
  const now = new Date("2026-01-10T12:00:00Z");
  assert.equal(relativeTime(new Date("2026-01-10T11:59:50Z"), now, "en"), "now");
  assert.equal(relativeTime(new Date("2026-01-10T11:55:00Z"), now, "en"), "5 minutes ago");
  assert.equal(relativeTime(new Date("2026-01-09T11:00:00Z"), now, "en"), "yesterday");
});

test("waits double, and end at twenty seconds", () => {
  assert.equal(waitBefore(0, 1), 500);
  assert.equal(waitBefore(3, 1), 4000);
  assert.equal(waitBefore(50, 1), 20_000);
  assert.equal(waitBefore(50, 0), 10_000);
});
