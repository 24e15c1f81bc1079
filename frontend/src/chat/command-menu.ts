import { Refused } from "./api.ts";
import type { Command, CommandApi } from "./command-api.ts";
import { fromTemplate, part, setText } from "./parts.ts";
import type { Phrases } from "./phrases.ts";

const PAUSE = 150;
/** What is quicker than this needs no word. */
const PATIENCE = 200;

type Note = "finding" | "no_commands" | "commands_lost";

/**
 * The menu that `/` opens at the beginning of an empty message. The message is a combobox meanwhile: what is written
 * after the `/` narrows the list, the arrows move in it, Enter or Tab takes what they stand on.
 */
export class CommandMenu {
  /** Called with the command that was taken. */
  onChoose: (command: Command) => void = () => undefined;
  readonly #menu: HTMLElement;
  readonly #list: HTMLElement;
  readonly #text: HTMLTextAreaElement;
  readonly #button: HTMLElement;
  readonly #api: CommandApi;
  readonly #phrases: Phrases;
  #commands: Command[] = [];
  #active = -1;
  /** What was written before a button opened the menu. */
  #kept: string | null = null;
  #search: AbortController | null = null;
  #timer = 0;
  #slow = 0;
  #takeFirst = false;

  constructor(form: HTMLElement, api: CommandApi, phrases: Phrases) {
    this.#menu = part(form, "[data-command-menu]");
    this.#list = part(this.#menu, "[role=listbox]");
    this.#text = part(form, "textarea");
    this.#button = part(form, "[data-opens-commands]");
    this.#api = api;
    this.#phrases = phrases;
    this.#listen(form);
  }

  get isOpen(): boolean {
    return !this.#menu.hidden;
  }

  #listen(form: HTMLElement): void {
    this.#text.addEventListener("input", () => this.#typed());
    // Before the composer: Enter takes a command here, and sends nothing.
    form.addEventListener("keydown", (event) => this.#pressed(event), { capture: true });
    this.#button.addEventListener("click", () => {
      if (this.isOpen) this.#leave();
      else this.#openByButton();
      this.#text.focus();
    });
    // The cursor stays in the message.
    this.#menu.addEventListener("mousedown", (event) => event.preventDefault());
    this.#menu.addEventListener("click", (event) => this.#clicked(event.target as Element));
    form.addEventListener("focusout", (event) => {
      // Another window that comes to the front takes nothing away.
      if (document.hasFocus() && !form.contains(event.relatedTarget as Node | null)) this.#leave();
    });
  }

  #typed(): void {
    const { value } = this.#text;
    if (!this.isOpen && value === "/") return this.#open();
    if (!this.isOpen) return;
    if (value.startsWith("/") && !value.includes("\n")) return this.#findSoon();
    const kept = this.#kept;
    this.#close();
    if (kept) this.#write(kept + value);
  }

  #pressed(event: KeyboardEvent): void {
    if (!this.isOpen || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.#act(event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  /** Whether the key meant the menu. */
  #act(event: KeyboardEvent): boolean {
    if (event.key === "Escape") {
      this.#leave();
      this.#text.focus();
      return true;
    }
    if (event.target !== this.#text) return false;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.#move(event.key === "ArrowDown" ? 1 : -1);
      return true;
    }
    const isEnter = event.key === "Enter";
    return (isEnter || event.key === "Tab") && !event.shiftKey && this.#take(isEnter);
  }

  #clicked(target: Element): void {
    const option = target.closest<HTMLElement>("[role=option]");
    const command = this.#commands[option ? [...this.#list.children].indexOf(option) : -1];
    if (command) this.#choose(command);
    else if (target.closest("[data-find-again]")) void this.#find();
  }

  #openByButton(): void {
    const { value } = this.#text;
    this.#write("/");
    this.#kept = value;
  }

  #open(): void {
    this.#menu.hidden = false;
    this.#button.ariaExpanded = "true";
    const { id } = this.#list;
    const states = { role: "combobox", "aria-expanded": "true", "aria-controls": id, "aria-autocomplete": "list", "aria-haspopup": "listbox" };
    for (const [name, value] of Object.entries(states)) this.#text.setAttribute(name, value);
    this.#show([]);
    void this.#find();
  }

  /** Closes, and puts back what was written before the button was pressed. */
  #leave(): void {
    if (!this.isOpen) return;
    const kept = this.#kept;
    this.#close();
    if (kept !== null) this.#write(kept);
  }

  #close(): void {
    this.#menu.hidden = true;
    this.#button.ariaExpanded = "false";
    this.#kept = null;
    this.#stopFinding();
    for (const name of ["role", "aria-expanded", "aria-controls", "aria-autocomplete", "aria-haspopup", "aria-activedescendant"]) {
      this.#text.removeAttribute(name);
    }
  }

  #write(text: string): void {
    this.#text.value = text;
    this.#text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #stopFinding(): void {
    this.#search?.abort();
    this.#search = null;
    this.#takeFirst = false;
    clearTimeout(this.#timer);
    clearTimeout(this.#slow);
  }

  #findSoon(): void {
    this.#stopFinding();
    // What is shown is of other words by now: Enter waits for what fits these.
    this.#search = new AbortController();
    this.#timer = setTimeout(() => void this.#find(), PAUSE);
  }

  async #find(): Promise<void> {
    const takeFirst = this.#takeFirst;
    this.#stopFinding();
    this.#takeFirst = takeFirst;
    const search = (this.#search = new AbortController());
    this.#slow = setTimeout(() => this.#note("finding"), PATIENCE);
    try {
      this.#found(await this.#api.find(this.#text.value.slice(1).trim(), search.signal));
    } catch (error) {
      if (search.signal.aborted) return;
      this.#show([]);
      this.#note("commands_lost");
      this.#phrases.announce("commands_lost");
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    } finally {
      if (this.#search === search) this.#stopFinding();
    }
  }

  #found(commands: Command[]): void {
    const [first] = commands;
    if (this.#takeFirst && first) return this.#choose(first);
    this.#show(commands);
    this.#note(first ? null : "no_commands");
    if (first) this.#phrases.announce("commands", String(commands.length));
    else this.#phrases.announce("no_commands");
  }

  #show(commands: Command[]): void {
    this.#commands = commands;
    this.#list.replaceChildren(...commands.map(optionOf));
    this.#list.hidden = commands.length === 0;
    this.#list.scrollTop = 0;
    this.#note(null);
    this.#mark(commands.length > 0 ? 0 : -1);
  }

  #note(note: Note | null): void {
    clearTimeout(this.#slow);
    for (const one of this.#menu.querySelectorAll<HTMLElement>("[data-note]")) one.hidden = one.dataset.note !== note;
  }

  #move(by: number): void {
    const { length } = this.#commands;
    if (length > 0) this.#mark((this.#active + by + length) % length);
  }

  #mark(place: number): void {
    this.#active = place;
    for (const [index, option] of [...this.#list.children].entries()) option.ariaSelected = String(index === place);
    const option = this.#list.children[place];
    if (option) this.#text.setAttribute("aria-activedescendant", option.id);
    else this.#text.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  /** Whether the key was the menu's; else it is the message's. */
  #take(isEnter: boolean): boolean {
    const command = this.#commands[this.#active];
    if (this.#search) this.#takeFirst = true;
    else if (command) this.#choose(command);
    else if (isEnter && this.#isLost) void this.#find();
    else if (isEnter && this.#kept === null && this.#text.value.trim() !== "/") this.#close();
    else if (!isEnter) this.#leave();
    return Boolean(this.#search ?? command) || (isEnter && this.isOpen);
  }

  get #isLost(): boolean {
    return !part<HTMLElement>(this.#menu, "[data-note=commands_lost]").hidden;
  }

  #choose(command: Command): void {
    const kept = this.#kept ?? "";
    this.#close();
    this.#write(kept);
    this.onChoose(command);
  }
}

function optionOf(command: Command, place: number): HTMLElement {
  const option = fromTemplate<HTMLElement>("command-option-template");
  option.id = `command-option-${place}`;
  setText(option, "[data-name]", command.name);
  setText(option, "[data-address]", `/${command.address}`);
  setText(option, "[data-description]", command.description);
  part<HTMLElement>(option, "[data-favourite]").hidden = !command.is_favourite;
  return option;
}
