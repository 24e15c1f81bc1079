import { callApi } from "./api.ts";
import { fromTemplate, part } from "./parts.ts";
import type { Phrases } from "./phrases.ts";

const API = "/api/v1/messages/";
type Explain = (error: unknown) => void;

/** Thumbs under answers. The one that is pressed is taken back by pressing it again; after either one may say why. */
export function watchReactions(root: HTMLElement, phrases: Phrases, explain: Explain): void {
  root.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("[data-react]");
    const answer = button?.closest<HTMLElement>("article[data-message]");
    if (button && answer) void new Reaction(answer, button, phrases, explain).toggle();
  });
}

class Reaction {
  readonly #answer: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #phrases: Phrases;
  readonly #explain: Explain;

  constructor(answer: HTMLElement, button: HTMLButtonElement, phrases: Phrases, explain: Explain) {
    this.#answer = answer;
    this.#button = button;
    this.#phrases = phrases;
    this.#explain = explain;
  }

  async toggle(): Promise<void> {
    const isTakenBack = this.#button.ariaPressed === "true";
    if (!(await this.#call(isTakenBack ? { method: "DELETE" } : this.#kept()))) return;
    for (const one of this.#answer.querySelectorAll<HTMLElement>("[data-react]")) {
      one.ariaPressed = String(one === this.#button && !isTakenBack);
    }
    this.#answer.querySelector("[data-reason]")?.remove();
    if (!isTakenBack) this.#askWhy();
    this.#phrases.announce(isTakenBack ? "reaction_taken_back" : "reacted");
  }

  #askWhy(): void {
    const form = fromTemplate<HTMLFormElement>("reason-template");
    const leave = (): void => {
      form.remove();
      this.#button.focus();
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#giveReason(part<HTMLInputElement>(form, "input").value, leave);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      leave();
    });
    part(form, "[data-leave]").addEventListener("click", leave);
    part(this.#answer, "[data-footer]").after(form);
  }

  async #giveReason(reason: string, leave: () => void): Promise<void> {
    if (reason.trim() && !(await this.#call(this.#kept(reason)))) return;
    leave();
    if (reason.trim()) this.#phrases.announce("reason_kept");
  }

  #kept(reason = ""): RequestInit {
    const body = JSON.stringify({ reaction: this.#button.dataset.react, reason });
    return { method: "POST", headers: { "Content-Type": "application/json" }, body };
  }

  /** Whether it was done; if not, the page says why. */
  async #call(init: RequestInit): Promise<boolean> {
    try {
      await callApi(`${API}${this.#answer.dataset.message ?? ""}/react/`, init);
      return true;
    } catch (error) {
      this.#explain(error);
      return false;
    }
  }
}
