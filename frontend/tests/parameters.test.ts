import assert from "node:assert/strict";
import { test } from "node:test";

import { valueOf } from "../src/commands/parameters.ts";

test("text means itself, emptiness and all", () => {
  for (const text of ["", " ", "null", "1", "a\nb"]) {
    assert.equal(valueOf("string", text), text);
    assert.equal(valueOf("text", text), text);
  }
  assert.equal(valueOf("date", "2026-01-31"), "2026-01-31");
  assert.equal(valueOf("choice", "often"), "often");
});

test("nothing in a field that is not for text means nothing", () => {
  for (const type of ["integer", "number", "choice", "date", "json"]) assert.equal(valueOf(type, " "), null, type);
});

test("numbers are numbers, as browsers let people write them", () => {
  assert.equal(valueOf("integer", "7"), 7);
  assert.equal(valueOf("number", ".5"), 0.5);
  assert.equal(valueOf("number", "1e3"), 1000);
  for (const text of ["seven", "1,5", "Infinity"]) assert.equal(valueOf("number", text), undefined, text);
});

test("JSON is read", () => {
  assert.deepEqual(valueOf("json", '{"a": [1, null]}'), { a: [1, null] });
  assert.equal(valueOf("json", "{a: 1}"), undefined);
});

test("what does not begin like JSON is a list, one item a line", () => {
  assert.deepEqual(valueOf("json", "patient\r\n nurse \n\n"), ["patient", "nurse"]);
  assert.deepEqual(valueOf("json", "12"), 12);
  assert.equal(valueOf("json", '["patient", '), undefined);
});
