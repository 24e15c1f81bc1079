/** Blanks of a command as rows of a form, and as the JSON that the server keeps. */
import { fromTemplate, part, setText } from "../chat/parts.ts";
import { linesOf, valueOf } from "./parameters.ts";

export type Definition = Record<string, unknown>;
type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const CHOICE_TYPES = new Set(["choice", "multiple_choice"]);
const NUMBERS = new Set(["min_length", "max_length"]);

/** Which limits each type can have: the server says. */
export type Limits = Record<string, string[]>;

export class Row {
  readonly element: HTMLElement;
  readonly #limits: Limits;

  constructor(limits: Limits, definition: Definition = { type: "string" }) {
    this.element = fromTemplate("parameter-row");
    this.#limits = limits;
    for (const field of this.#fields()) write(field, definition);
    this.fit();
  }

  get name(): string {
    return this.#field("name").value.trim();
  }

  /** Shows what the chosen type can have, and nothing else. */
  fit(): void {
    const type = this.#field("type").value;
    const limits = this.#limits[type] ?? [];
    for (const place of this.element.querySelectorAll<HTMLElement>("[data-limit]")) {
      place.hidden = !limits.includes(place.dataset.limit ?? "");
    }
    // A choice is nothing without its choices; of other types they are one limit among others.
    const choices = part<HTMLElement>(this.element, "[data-limit=allowed_values]");
    part(this.element, CHOICE_TYPES.has(type) ? "[data-choices-first]" : "[data-choices-else]").append(choices);
    const note = part<HTMLElement>(this.element, "[data-default-note]");
    note.textContent = note.getAttribute(`data-${type}`) ?? "";
    note.hidden = !note.textContent;
    this.#summarize();
  }

  /** Names what is said in the part that is folded away. */
  #summarize(): void {
    const folded = this.#fields().filter((field) => field.closest("details") && !isHidden(field) && field.value.trim());
    const names = folded.map((field) => field.closest("label")?.querySelector("span")?.textContent ?? "");
    setText(this.element, "[data-said]", names.length ? `(${names.join(", ")})` : "");
  }

  say(problem: string): void {
    const place = part<HTMLElement>(this.element, "[data-row-problem]");
    place.textContent = problem;
    place.hidden = !problem;
    if (problem) this.#field("name").setAttribute("aria-invalid", "true");
    else this.#field("name").removeAttribute("aria-invalid");
  }

  focus(): void {
    this.#field("name").focus();
  }

  /** The definition, without what is left empty and what the type cannot have. */
  read(): Definition {
    const type = this.#field("type").value;
    const written = this.#fields()
      .filter((field) => !isHidden(field))
      .map((field) => [field.dataset.part ?? "", read(field, type)] as const);
    return Object.fromEntries(written.filter(([, value]) => value !== undefined));
  }

  #fields(): Field[] {
    return [...this.element.querySelectorAll<Field>("[data-part]")];
  }

  #field(name: string): Field {
    return part(this.element, `[data-part=${name}]`);
  }
}

function isHidden(field: Field): boolean {
  return field.closest<HTMLElement>("[data-limit]")?.hidden === true;
}

/** What a field means; undefined for nothing. What cannot be read goes on as it is: the server says what is wrong. */
function read(field: Field, type: string): unknown {
  const name = field.dataset.part ?? "";
  if (field instanceof HTMLInputElement && field.type === "checkbox") return field.checked || undefined;
  const text = name === "default" || name === "allowed_values" ? field.value : field.value.trim();
  if (name === "name" || name === "type") return text;
  if (!text.trim()) return undefined;
  return definedValue(name, type, text);
}

/** The value of one part of a definition: {"max_length", "5"} → 5. */
export function definedValue(name: string, type: string, text: string): unknown {
  if (name === "label" || name === "help") return text;
  if (NUMBERS.has(name)) return valueOf("integer", text) ?? text;
  if (name === "allowed_values") return linesOf(text).map((line) => choiceOf(type, line));
  if (name === "default" && type === "multiple_choice") return linesOf(text);
  if (name === "default" && type === "boolean") return { true: true, false: false }[text.trim().toLowerCase()] ?? text;
  return valueOf(type, text) ?? text;
}

function choiceOf(type: string, line: string): unknown {
  return type === "integer" || type === "number" ? (valueOf(type, line) ?? line) : line;
}

/** The text that means a value, in the field of that part. */
export function textOf(name: string, value: unknown): string {
  if (value == null) return "";
  if (Array.isArray(value) && (name === "allowed_values" || value.every((one) => typeof one === "string"))) return value.map(String).join("\n");
  return typeof value === "object" ? JSON.stringify(value, null, 2) : String(value);
}

function write(field: Field, definition: Definition): void {
  const name = field.dataset.part ?? "";
  const value = definition[name];
  if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = value === true;
  else field.value = definition.type === "json" && name === "default" && value != null ? JSON.stringify(value, null, 2) : textOf(name, value);
}
