/** The fields of a command's form (templates/agentos/parts/command_fields.html) as parameters of the REST API. */

/** What is wrong, by the parameter's name. */
export type Problems = Record<string, string[]>;

const PREFIX = "parameters.";
const NUMERIC = new Set(["integer", "number"]);
const EMPTY_IS_NOTHING = new Set(["choice", "date", "json", ...NUMERIC]);

/** What a text means as a value of the type: null for nothing, undefined for what it cannot mean. */
export function valueOf(type: string, text: string): unknown {
  if (!text.trim() && EMPTY_IS_NOTHING.has(type)) return null;
  if (NUMERIC.has(type)) return Number.isFinite(Number(text)) ? Number(text) : undefined;
  if (type !== "json") return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return /^[{["]/.test(text.trim()) ? undefined : linesOf(text);
  }
}

/** A list as one writes it on paper: one item a line. The server reads it alike (apps/opie/library/kinds.py). */
export function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

/**
 * What is written in the form under `root`, without what is left empty, and the fields that cannot be read, with
 * `unreadable` as what is wrong with them.
 */
export function readParameters(root: ParentNode, unreadable: string): { values: Record<string, unknown>; problems: Problems } {
  const values: Record<string, unknown> = {};
  const problems: Problems = {};
  for (const field of fieldsOf(root)) {
    const name = field.dataset.parameter ?? "";
    const value = written(field);
    if (value === undefined) problems[name] = [unreadable];
    else if (value !== null) values[name] = value;
  }
  return { values, problems };
}

/** Shows what is wrong beside the fields, and nothing where nothing is. Answers what belongs to no field. */
export function showProblems(root: ParentNode, problems: Problems): string[] {
  const left = new Map(Object.entries(problems).map(([name, texts]) => [name.replace(PREFIX, ""), texts]));
  for (const field of fieldsOf(root)) {
    const name = field.dataset.parameter ?? "";
    say(field, left.get(name)?.join(" ") ?? "");
    left.delete(name);
  }
  return [...left.values()].flat();
}

/** Puts the cursor where the first problem is. */
export function toFirstProblem(root: ParentNode): void {
  const field = root.querySelector<HTMLElement>("[data-parameter][aria-invalid=true]");
  (field instanceof HTMLFieldSetElement ? field.querySelector<HTMLElement>("input") : field)?.focus();
}

/** Shows what is wrong with one field; nothing with an empty text. */
export function say(field: HTMLElement, problem: string): void {
  if (problem) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  const place = document.getElementById(`${field.id}-problem`);
  if (!place) return;
  place.textContent = problem;
  place.hidden = !problem;
}

function fieldsOf(root: ParentNode): NodeListOf<HTMLElement> {
  return root.querySelectorAll<HTMLElement>("[data-parameter]");
}

function written(field: HTMLElement): unknown {
  if (field instanceof HTMLFieldSetElement) {
    return [...field.querySelectorAll<HTMLInputElement>("input:checked")].map((box) => box.value);
  }
  if (field instanceof HTMLInputElement && field.type === "checkbox") return field.checked;
  const control = field as HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
  // A number field that holds no number has no text to look at.
  if (control.validity.badInput) return undefined;
  return valueOf(field.dataset.type ?? "", control.value);
}
