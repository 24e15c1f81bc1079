import { callApi, Refused } from "../chat/api.ts";
import { pause } from "../chat/backoff.ts";
import type { Message, Reactions } from "./api.ts";
import { Talk } from "./talk.ts";

const LOOKS_EVERY = 2_500;
const LOOKS_SELDOM = 10_000;
const MOST_TRIES = 8;

interface Told {
  state: string;
  taken_over_by: { id: string; name: string } | null;
  is_writing: boolean;
  messages: Message[];
  reactions: Reactions;
}

/** One conversation as a colleague follows and answers it: what is said comes by itself, and a reply keeps its draft. */
export class StaffView {
  readonly #root: HTMLElement;
  readonly #talk: Talk;
  readonly #address: string;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#address = root.dataset["address"] ?? "";
    this.#talk = new Talk(this.#part("log"), Number(root.dataset["last"]) || 0);
  }

  begin(): void {
    const field = this.#root.querySelector<HTMLTextAreaElement>('[data-part="field"]');
    const form = field?.form;
    form?.addEventListener("submit", (event) => {
      event.preventDefault();
      if (field && field.value.trim()) void this.#reply(field);
    });
    field?.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form?.requestSubmit();
    });
    scrollTo({ top: document.body.scrollHeight });
    void this.#lookAgainAndAgain();
  }

  async #lookAgainAndAgain(): Promise<void> {
    for (;;) {
      await pause(document.hidden ? LOOKS_SELDOM : LOOKS_EVERY);
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    try {
      const answer = await callApi(`${this.#address}?after=${this.#talk.last}`, {});
      this.#take((await answer.json()) as Told);
      this.#problem("");
    } catch (error) {
      this.#explain(error);
    }
  }

  #take(told: Told): void {
    const holder = told.taken_over_by?.id ?? "";
    // Who answers has changed: what can be done has too. A draft in the reply box is not lost to a passing glance.
    if (told.state !== this.#root.dataset["state"] || holder !== this.#root.dataset["holder"]) this.#part("changed").hidden = false;
    this.#part("typing").hidden = !told.is_writing;
    const isAtEnd = innerHeight + scrollY > document.body.scrollHeight - 120;
    if (this.#talk.take(told.messages) + told.messages.length && isAtEnd) scrollTo({ top: document.body.scrollHeight });
    this.#talk.mark(told.reactions);
  }

  async #reply(field: HTMLTextAreaElement): Promise<void> {
    const button = field.form?.querySelector<HTMLButtonElement>('[type="submit"]');
    if (button) button.disabled = true;
    try {
      await this.#send(field.value);
      field.value = "";
      await this.#look();
    } catch (error) {
      this.#explain(error);
    }
    if (button) button.disabled = false;
    field.focus();
  }

  /** Sends, and sends again while the agent's last words are still being stored. */
  async #send(message: string): Promise<void> {
    const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ message }) };
    for (let attempt = 1; ; attempt++) {
      try {
        await callApi(`${this.#address}reply/`, init);
        return;
      } catch (error) {
        const isBusy = error instanceof Refused && error.failure.code === "session_busy";
        if (!isBusy || attempt === MOST_TRIES) throw error;
        await pause(1_000);
      }
    }
  }

  #explain(error: unknown): void {
    const { closed = "", offline = "" } = this.#root.dataset;
    if (error instanceof Refused && error.status === 404) return this.#problem(closed);
    this.#problem(error instanceof Refused ? error.message : offline);
  }

  #problem(text: string): void {
    const problem = this.#part("problem");
    if (problem.textContent !== text) problem.textContent = text;
    problem.hidden = !text;
  }

  #part(name: string): HTMLElement {
    const found = this.#root.querySelector<HTMLElement>(`[data-part="${name}"]`);
    if (!found) throw new Error(`The page has no ${name}.`);
    return found;
  }
}
