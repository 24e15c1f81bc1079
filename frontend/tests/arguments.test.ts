import assert from "node:assert/strict";
import { test } from "node:test";

import { parsed } from "../src/approvals/arguments.ts";

test("text stays the text it is", () => {
  for (const text of ["", " 1 ", "true", "{}", "ا"]) assert.equal(parsed("text", text), text);
});

test("numbers are numbers, and nothing else is", () => {
  assert.equal(parsed("number", " -1.5e3 "), -1500);
  for (const text of ["", "1,5", "true", '"1"', "NaN", "1 2"]) assert.equal(parsed("number", text), undefined);
});

test("yes and no are true and false", () => {
  assert.equal(parsed("yes_no", "true"), true);
  assert.equal(parsed("yes_no", "false"), false);
});

test("everything else is JSON", () => {
  assert.deepEqual(parsed("json", '[1, {"a": null}]'), [1, { a: null }]);
  assert.equal(parsed("json", "null"), null);
  assert.equal(parsed("json", "{a: 1}"), undefined);
});
