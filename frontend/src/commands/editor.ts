/** Writing a command: rows for its blanks in place of JSON, and what is wrong with the template while it is written. */
import { callApi, Refused } from "../chat/api.ts";
import { fromTemplate, part } from "../chat/parts.ts";
import { Row, type Definition, type Limits } from "./rows.ts";

const PAUSE = 500;
const PLACE = /^Line (\d+), column (\d+)/;
type Problems = Record<string, string[]>;

export class Editor {
  readonly #form: HTMLFormElement;
  readonly #list: HTMLElement;
  readonly #json: HTMLTextAreaElement;
  readonly #template: HTMLTextAreaElement;
  readonly #limits = JSON.parse(part(document, "#parameter-limits").textContent) as Limits;
  #rows: Row[] = [];
  #inRows = false;
  #timer = 0;
  #turn = 0;

  constructor(form: HTMLFormElement) {
    this.#form = form;
    this.#list = part(form, "[data-row-list]");
    this.#json = part(form, "[name=parameters]");
    this.#template = part(form, "[name=template]");
    this.#listen();
  }

  begin(): void {
    this.#toRows();
    this.#showProblems(JSON.parse(part(document, "#parameter-problems").textContent) as Problems, "");
    if (this.#template.value.trim()) void this.#check();
  }

  #listen(): void {
    this.#form.addEventListener("input", (event) => this.#changed(event.target as Element));
    this.#form.addEventListener("click", (event) => this.#clicked(event.target as Element));
    this.#form.addEventListener("submit", () => this.#toJson());
  }

  #changed(target: Element): void {
    if (target.closest("[data-row]")) {
      this.#rowOf(target)?.fit();
      this.#toJson();
      this.#offerVariables();
    }
    if (target.closest("[data-row]") || target === this.#template || target === this.#json) this.#soon();
  }

  #clicked(target: Element): void {
    const row = this.#rowOf(target);
    if (target.closest("[data-add-row]")) this.#add().focus();
    else if (target.closest("[data-as-json]")) this.#toText();
    else if (target.closest("[data-as-rows]")) this.#toRows();
    else if (row && target.closest("[data-remove-row]")) this.#remove(row);
    else if (row && target.closest("[data-move]")) this.#move(row, target.closest<HTMLElement>("[data-move]"));
    const variable = target.closest<HTMLElement>("[data-variable]")?.dataset.variable;
    if (variable) this.#putIn(`{{${variable}}}`);
    const place = target.closest<HTMLElement>("[data-place]")?.dataset.place;
    if (place) this.#goTo(Number(place));
  }

  #rowOf(target: Element): Row | undefined {
    const element = target.closest("[data-row]");
    return this.#rows.find((row) => row.element === element);
  }

  #add(definition?: Definition): Row {
    const row = new Row(this.#limits, definition);
    this.#rows.push(row);
    this.#list.append(row.element);
    return row;
  }

  #remove(row: Row): void {
    const next = this.#rows[this.#rows.indexOf(row) + 1] ?? this.#rows.at(-2);
    this.#rows = this.#rows.filter((one) => one !== row);
    row.element.remove();
    if (next) next.focus();
    else part<HTMLElement>(this.#form, "[data-add-row]").focus();
    this.#moved();
  }

  #move(row: Row, button: HTMLElement | null): void {
    const [from, by] = [this.#rows.indexOf(row), Number(button?.dataset.move)];
    if (!this.#rows[from + by]) return;
    this.#rows.splice(from, 1);
    this.#rows.splice(from + by, 0, row);
    this.#list.replaceChildren(...this.#rows.map((one) => one.element));
    button?.focus();
    this.#moved();
  }

  #moved(): void {
    this.#toJson();
    this.#offerVariables();
    this.#soon();
  }

  /** The rows, from the JSON; that stays as it is when no rows can be made of it. */
  #toRows(): void {
    const definitions = definitionsIn(this.#json.value);
    part<HTMLElement>(this.#form, "[data-json-problem]").hidden = definitions !== null;
    this.#show(definitions !== null);
    if (!definitions) return;
    this.#rows = [];
    this.#list.replaceChildren();
    for (const definition of definitions) this.#add(definition);
    this.#offerVariables();
  }

  #toText(): void {
    this.#toJson();
    this.#show(false);
    this.#json.focus();
  }

  #show(inRows: boolean): void {
    this.#inRows = inRows;
    part<HTMLElement>(this.#form, "[data-rows]").hidden = !inRows;
    part<HTMLElement>(this.#form, "[data-json-place]").hidden = inRows;
    part<HTMLElement>(this.#form, "[data-as-rows]").hidden = false;
  }

  #toJson(): void {
    if (this.#inRows) this.#json.value = JSON.stringify(this.#rows.map((row) => row.read()), null, 2);
  }

  #offerVariables(): void {
    const place = part<HTMLElement>(this.#form, "[data-variables]");
    const names = this.#rows.map((row) => row.name).filter(Boolean);
    const buttons = names.map((name) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "tag tag-button font-mono", textContent: `{{${name}}}` });
      button.dataset.variable = name;
      return button;
    });
    place.replaceChildren(part(place, "span"), ...buttons);
    place.hidden = names.length === 0;
  }

  #putIn(text: string): void {
    this.#template.focus();
    this.#template.setRangeText(text, this.#template.selectionStart, this.#template.selectionEnd, "end");
    this.#soon();
  }

  #goTo(offset: number): void {
    this.#template.focus();
    this.#template.setSelectionRange(offset, offset);
  }

  #soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#check(), PAUSE);
  }

  async #check(): Promise<void> {
    const turn = ++this.#turn;
    this.#toJson();
    try {
      const body = new URLSearchParams({ template: this.#template.value, parameters: this.#json.value });
      const response = await callApi(this.#form.dataset.check ?? "", { method: "POST", body });
      const { problems } = (await response.json()) as { problems: Problems };
      if (turn === this.#turn) this.#showProblems(problems, "parameters.");
    } catch (error) {
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    }
  }

  #showProblems(problems: Problems, prefix: string): void {
    this.#rows.forEach((row, place) => {
      const mine = Object.entries(problems).filter(([name]) => name.startsWith(`${prefix}${place}`) && !/\d/.test(name[`${prefix}${place}`.length] ?? ""));
      // A row that was just added has no name yet: that is no mistake.
      row.say(row.name ? mine.map(([name, texts]) => describe(name.slice(`${prefix}${place}.`.length), texts)).join(" ") : "");
    });
    if (!prefix) return;
    const list = part<HTMLElement>(this.#form, "[data-template-problems]");
    const texts = this.#template.value.trim() ? (problems.template ?? []) : [];
    list.replaceChildren(...texts.map((text) => this.#problemAt(text)));
    list.hidden = texts.length === 0;
  }

  #problemAt(text: string): HTMLElement {
    const item = fromTemplate<HTMLElement>("template-problem");
    const button = part<HTMLElement>(item, "button");
    button.textContent = text;
    const [, line, column] = PLACE.exec(text) ?? [];
    if (line && column) button.dataset.place = String(offsetOf(this.#template.value, Number(line), Number(column)));
    return item;
  }
}

/** Where in a text a line and a column are, both counted from 1. */
export function offsetOf(text: string, line: number, column: number): number {
  const before = text.split("\n").slice(0, line - 1);
  return before.reduce((length, one) => length + one.length + 1, 0) + column - 1;
}

/** The definitions in a text; null when it is not a list of objects. */
export function definitionsIn(text: string): Definition[] | null {
  try {
    const read: unknown = JSON.parse(text.trim() || "[]");
    const areObjects = Array.isArray(read) && read.every((one) => one !== null && typeof one === "object" && !Array.isArray(one));
    return areObjects ? (read as Definition[]) : null;
  } catch {
    return null;
  }
}

function describe(name: string, texts: string[]): string {
  return name ? `${name}: ${texts.join(" ")}` : texts.join(" ");
}
