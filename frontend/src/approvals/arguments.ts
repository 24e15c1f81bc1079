/** What was written into the fields of a call's arguments, as JSON again. */

/** A field does not hold what its argument takes; the field says so. */
export class NotReadable extends Error {}

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** The arguments, with the kinds they had. Raises NotReadable after showing the reasons beside the fields. */
export function readArguments(form: HTMLElement): unknown {
  const fields = [...form.querySelectorAll<Field>("[data-argument]")];
  const read = fields.map((field) => [field.dataset.argument ?? "", valueIn(field)] as const);
  const wrong = fields.find((field) => field.getAttribute("aria-invalid") === "true");
  if (wrong) {
    wrong.focus();
    throw new NotReadable();
  }
  // Arguments that are no object are one field without a name.
  if (read.length === 1 && read[0]?.[0] === "") return read[0][1];
  return Object.fromEntries(read);
}

function valueIn(field: Field): unknown {
  const value = parsed(field.dataset.kind ?? "text", field.value);
  const problem = document.getElementById(`${field.id}-problem`);
  field.setAttribute("aria-invalid", String(value === undefined));
  if (problem) {
    problem.textContent = value === undefined ? (problem.dataset.problemText ?? "") : "";
    problem.hidden = value !== undefined;
  }
  return value;
}

/** The value of a text of that kind; undefined when it is none. */
export function parsed(kind: string, text: string): unknown {
  if (kind === "text") return text;
  if (kind === "yes_no") return text === "true";
  try {
    const value: unknown = JSON.parse(text.trim());
    return kind === "number" && typeof value !== "number" ? undefined : value;
  } catch {
    return undefined;
  }
}
