import assert from "node:assert/strict";
import { test } from "node:test";

import { definitionsIn, offsetOf } from "../src/commands/editor.ts";
import { definedValue, textOf } from "../src/commands/rows.ts";

test("what stands in a row means what its type takes", () => {
  assert.equal(definedValue("max_length", "text", "12"), 12);
  assert.equal(definedValue("default", "boolean", " False"), false);
  assert.equal(definedValue("default", "string", "12"), "12");
  assert.equal(definedValue("default", "number", "1.5"), 1.5);
  assert.deepEqual(definedValue("default", "multiple_choice", "a\n\n b "), ["a", "b"]);
  assert.deepEqual(definedValue("default", "json", '["a"]'), ["a"]);
  assert.deepEqual(definedValue("allowed_values", "integer", "1\ntwo"), [1, "two"]);
  assert.deepEqual(definedValue("allowed_values", "choice", "1\n2"), ["1", "2"]);
});

test("what cannot be read goes to the server as it is", () => {
  assert.equal(definedValue("max_length", "text", "many"), "many");
  assert.equal(definedValue("default", "json", "{"), "{");
  assert.equal(definedValue("default", "boolean", "perhaps"), "perhaps");
});

test("values are shown as one writes them", () => {
  assert.equal(textOf("default", null), "");
  assert.equal(textOf("default", false), "false");
  assert.equal(textOf("default", ["a", "b"]), "a\nb");
  assert.equal(textOf("allowed_values", [1, 2]), "1\n2");
  assert.equal(textOf("default", { a: 1 }), '{\n  "a": 1\n}');
});

test("a line and a column are found in a text", () => {
  assert.equal(offsetOf("ab\ncd", 1, 1), 0);
  assert.equal(offsetOf("ab\ncd", 2, 2), 4);
});

test("only a list of objects is definitions", () => {
  assert.deepEqual(definitionsIn(""), []);
  assert.deepEqual(definitionsIn('[{"name": "a"}]'), [{ name: "a" }]);
  for (const text of ["{}", "[1]", "[null]", "[[]]", "["]) assert.equal(definitionsIn(text), null, text);
});
