/** The prompt of a command while its form is being filled in. What must be filled in and is not yet stands as ‹its name›. */
import { callApi, Refused } from "../chat/api.ts";
import { part } from "../chat/parts.ts";
import type { Problems } from "./parameters.ts";

const PAUSE = 300;
const TEXTS = new Set(["string", "text"]);

export interface Filled {
  values: Record<string, unknown>;
  problems: Problems;
}

export class Preview {
  /** Called with what the server says is wrong with the fields. */
  onProblems: (problems: Problems) => void = () => undefined;
  readonly #place: HTMLElement;
  readonly #form: HTMLFormElement;
  readonly #url: string;
  readonly #read: () => Filled;
  readonly #texts: Record<string, string>;
  #timer = 0;
  #turn = 0;

  constructor(place: HTMLElement, form: HTMLFormElement, url: string, read: () => Filled, texts: Record<string, string>) {
    this.#place = place;
    this.#form = form;
    this.#url = url;
    this.#read = read;
    this.#texts = texts;
  }

  soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.now(), PAUSE);
  }

  async now(): Promise<void> {
    clearTimeout(this.#timer);
    const turn = ++this.#turn;
    const { values, problems } = this.#read();
    const missing = missingOf(this.#form, values);
    const standIns = Object.fromEntries([...missing].filter(([, one]) => one.isText).map(([name, one]) => [name, `‹${one.label}›`]));
    try {
      const prompt = await this.#ask({ ...values, ...standIns });
      if (turn !== this.#turn) return;
      this.#show(prompt, [...missing.values()].map((one) => one.label));
      this.onProblems(problems);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#explain(error, problems, missing);
    }
  }

  async #ask(parameters: Record<string, unknown>): Promise<string> {
    const response = await callApi(this.#url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ parameters }),
    });
    return ((await response.json()) as { prompt: string }).prompt;
  }

  #show(prompt: string, missing: string[]): void {
    part(this.#place, "[data-preview]").textContent = prompt;
    delete this.#place.dataset.stale;
    this.#note(missing.length ? (this.#texts.incomplete ?? "").replace("FIELDS", missing.join(", ")) : "");
  }

  /** The last prompt that could be shown stays, and looks it. */
  #explain(error: unknown, problems: Problems, missing: Map<string, Missing>): void {
    if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    this.#place.dataset.stale = "";
    if (!(error instanceof Refused) || !error.failure.fields) return;
    const named = Object.entries(error.failure.fields).map(([name, texts]) => [name.replace("parameters.", ""), texts] as const);
    const wrong = Object.fromEntries(named.filter(([name]) => !missing.has(name)));
    this.onProblems({ ...wrong, ...problems });
    const labels = [...missing.values()].map((one) => one.label).join(", ");
    const isWrong = Object.keys(wrong).length > 0 || Object.keys(problems).length > 0;
    this.#note(isWrong ? (this.#texts.unfit ?? "") : (this.#texts.incomplete ?? "").replace("FIELDS", labels));
  }

  #note(text: string): void {
    const note = part<HTMLElement>(this.#place, "[data-preview-note]");
    note.textContent = text;
    note.hidden = !text;
  }
}

interface Missing {
  label: string;
  isText: boolean;
}

/** The fields that must be filled in, and are not. */
function missingOf(form: HTMLFormElement, values: Record<string, unknown>): Map<string, Missing> {
  const found = new Map<string, Missing>();
  for (const field of form.querySelectorAll<HTMLElement>("[data-parameter][data-required]")) {
    const { parameter = "", type = "", label = "" } = field.dataset;
    if (isEmpty(values[parameter])) found.set(parameter, { label, isText: TEXTS.has(type) });
  }
  return found;
}

export function isEmpty(value: unknown): boolean {
  return value == null || (typeof value === "string" && !value.trim()) || (Array.isArray(value) && value.length === 0);
}
