import type { Answerer } from "./events.ts";
import { fromTemplate, part, setText } from "./parts.ts";

/** A message that waits its turn. `runId`, and `answerer` where it is known, are there when the server has taken it. */
export class WaitingMessage {
  readonly element: HTMLElement;
  readonly text: string;
  readonly command: string;
  answerer: Answerer | undefined;
  runId = "";

  constructor(element: HTMLElement, text: string) {
    this.element = element;
    this.text = text;
    const { command = "", agent = "", agentName = "", why = "", run = "" } = element.dataset;
    this.command = command;
    if (agent) this.answerer = { agent_id: agent, agent_name: agentName, why };
    this.take(run);
  }

  take(runId: string): void {
    this.runId = runId;
    if (runId) this.element.dataset.taken = "";
    part<HTMLButtonElement>(this.element, "[data-cancel-waiting]").disabled = !runId;
  }
}

/** The messages that wait, in their order, above the place where one writes. */
export class WaitingLine {
  readonly #list: HTMLElement;
  readonly #messages: WaitingMessage[] = [];

  constructor(list: HTMLElement) {
    this.#list = list;
    this.readDrawn();
  }

  /** Takes over the lines that the server drew. */
  readDrawn(lines: Element = this.#list): void {
    const drawn = [...lines.querySelectorAll<HTMLElement>("[data-run]")];
    this.#messages.splice(0);
    this.#list.replaceChildren(...drawn.map((element) => document.adoptNode(element)));
    for (const element of drawn) {
      this.#messages.push(new WaitingMessage(element, part(element, "[data-text]").textContent ?? ""));
    }
    this.#number();
  }

  get length(): number {
    return this.#messages.length;
  }

  add(text: string, command: string): WaitingMessage {
    const element = fromTemplate<HTMLElement>("waiting-template");
    element.dataset.command = command;
    setText(element, "[data-text]", text);
    const message = new WaitingMessage(element, text);
    this.#messages.push(message);
    this.#list.append(element);
    this.#number();
    return message;
  }

  /** Takes the first one that the server has out of the line. */
  takeFirst(): WaitingMessage | null {
    const first = this.#messages.find((message) => message.runId);
    if (first) this.remove(first);
    return first ?? null;
  }

  remove(message: WaitingMessage): void {
    const place = this.#messages.indexOf(message);
    if (place >= 0) this.#messages.splice(place, 1);
    message.element.remove();
    this.#number();
  }

  of(element: Element | null): WaitingMessage | null {
    return this.#messages.find((message) => message.element === element) ?? null;
  }

  /** The server names the places in the reader's language: first, second, …, and one form for all beyond. */
  #number(): void {
    const places = (this.#list.dataset.places ?? "").split("|");
    for (const [index, { element }] of this.#messages.entries()) {
      setText(element, "[data-place]", (places[index] ?? this.#list.dataset.placeBeyond ?? "").replace("PLACE", String(index + 1)));
    }
    this.#list.hidden = this.#messages.length === 0;
  }
}
