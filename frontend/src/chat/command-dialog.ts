import { Preview, isEmpty, type Filled } from "../commands/preview.ts";
import { readParameters, showProblems, toFirstProblem, type Problems } from "../commands/parameters.ts";
import { Refused } from "./api.ts";
import type { Command, CommandApi } from "./command-api.ts";
import { part, setText } from "./parts.ts";
import type { Phrases } from "./phrases.ts";

/** A command with its blanks filled in, and the prompt that it makes of them. */
export interface FilledCommand {
  command: Command;
  parameters: Record<string, unknown>;
  prompt: string;
}

/** The form of a command, with its prompt beside it, over the chat. What was filled in stays until it has run. */
export class CommandDialog {
  onRun: (filled: FilledCommand) => void = () => undefined;
  /** What a person is told of a call that failed. */
  reasonOf: (error: unknown) => string = () => "";
  readonly #dialog: HTMLDialogElement;
  readonly #form: HTMLFormElement;
  readonly #run: HTMLButtonElement;
  readonly #api: CommandApi;
  readonly #phrases: Phrases;
  /** Fields that somebody has been in: nobody is told of mistakes they had no chance to make. */
  readonly #touched = new Set<string>();
  #command: Command | null = null;
  #preview: Preview | null = null;
  /** Whether it was closed before the command was run: what was filled in is there still. */
  #wasLeft = false;

  constructor(dialog: HTMLDialogElement, api: CommandApi, phrases: Phrases) {
    this.#dialog = dialog;
    this.#form = part(dialog, "form");
    this.#run = part(dialog, "[data-run]");
    this.#api = api;
    this.#phrases = phrases;
    this.#listen();
  }

  async open(command: Command): Promise<void> {
    if (this.#wasLeft && this.#command?.address === command.address) return this.#goOn();
    this.#begin(command);
    try {
      const fields = await this.#api.fields(command.address);
      if (this.#command !== command) return;
      part(this.#form, "[data-fields]").replaceChildren(...fields);
      this.#fill(command);
    } catch (error) {
      this.#refuse(this.reasonOf(error));
      onlyRefusals(error);
    } finally {
      if (this.#command === command) part<HTMLElement>(this.#form, "[data-loading]").hidden = true;
    }
  }

  /** Opens it as it was left, because the command was not taken. */
  reopen(command: Command, reason: string): void {
    if (this.#command !== command || this.#dialog.open) return;
    this.#goOn();
    this.#refuse(reason);
  }

  #goOn(): void {
    this.#wasLeft = true;
    this.#dialog.showModal();
    this.#toFirstField();
  }

  #listen(): void {
    this.#form.addEventListener("input", () => this.#preview?.soon());
    this.#form.addEventListener("change", () => this.#preview?.soon());
    this.#form.addEventListener("focusout", (event) => this.#left(event.target as Element));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      void this.#submit();
    });
  }

  #begin(command: Command): void {
    this.#command = command;
    this.#wasLeft = false;
    this.#preview = null;
    this.#touched.clear();
    this.#refuse("");
    this.#run.disabled = true;
    this.#dialog.ariaLabel = command.name;
    part(this.#form, "[data-fields]").replaceChildren();
    setText(this.#form, "[data-preview]", "");
    part<HTMLElement>(this.#form, ".command-preview").hidden = true;
    part<HTMLElement>(this.#form, "[data-loading]").hidden = false;
    this.#dialog.showModal();
  }

  #fill(command: Command): void {
    const place = part<HTMLElement>(this.#form, ".command-preview");
    place.hidden = false;
    const texts = { incomplete: this.#phrases.of("incomplete"), unfit: this.#phrases.of("unfit") };
    this.#preview = new Preview(place, this.#form, this.#api.previewUrl(command.address), () => this.#read(), texts);
    this.#preview.onProblems = (problems) => this.#showTouched(problems);
    this.#run.disabled = false;
    this.#wasLeft = true;
    this.#toFirstField();
    void this.#preview.now();
  }

  #toFirstField(): void {
    this.#form.querySelector<HTMLElement>("[data-fields] :is(input, select, textarea)")?.focus();
  }

  #left(target: Element): void {
    const name = target.closest<HTMLElement>("[data-parameter]")?.dataset.parameter;
    if (!name) return;
    this.#touched.add(name);
    this.#preview?.soon();
  }

  #read(): Filled {
    return readParameters(this.#form, this.#phrases.of("unreadable"));
  }

  #showTouched(problems: Problems): void {
    const all = { ...this.#missing(), ...problems };
    showProblems(this.#form, Object.fromEntries(Object.entries(all).filter(([name]) => this.#touched.has(name))));
  }

  #missing(): Problems {
    const { values } = this.#read();
    const fields = [...this.#form.querySelectorAll<HTMLElement>("[data-parameter][data-required]")];
    const empty = fields.map((field) => field.dataset.parameter ?? "").filter((name) => isEmpty(values[name]));
    return Object.fromEntries(empty.map((name) => [name, [this.#phrases.of("required")]]));
  }

  async #submit(): Promise<void> {
    const command = this.#command;
    if (!command || this.#run.disabled) return;
    const { values, problems } = this.#read();
    const wrong = { ...this.#missing(), ...problems };
    this.#refuse("");
    showProblems(this.#form, wrong);
    if (Object.keys(wrong).length > 0) return this.#toProblems();
    this.#run.disabled = true;
    try {
      const prompt = await this.#api.preview(command.address, values);
      if (!this.#dialog.open || this.#command !== command) return;
      this.#wasLeft = false;
      this.#dialog.close();
      this.onRun({ command, parameters: values, prompt });
    } catch (error) {
      this.#explain(error);
    } finally {
      this.#run.disabled = false;
    }
  }

  /** What is wrong with a field is told beside it, all else above the form. */
  #explain(error: unknown): void {
    const fields = error instanceof Refused ? error.failure.fields : undefined;
    const left = showProblems(this.#form, fields ?? {});
    this.#refuse(fields ? left.join(" ") : this.reasonOf(error));
    this.#toProblems();
    onlyRefusals(error);
  }

  #toProblems(): void {
    for (const field of this.#form.querySelectorAll<HTMLElement>("[data-parameter]")) this.#touched.add(field.dataset.parameter ?? "");
    toFirstProblem(this.#form);
  }

  #refuse(text: string): void {
    setText(this.#form, "[data-refusal-text]", text);
    part<HTMLElement>(this.#form, "[data-refusal]").hidden = !text;
  }
}

function onlyRefusals(error: unknown): void {
  if (!(error instanceof Refused || error instanceof TypeError)) throw error;
}
