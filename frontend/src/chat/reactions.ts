import { fromTemplate, part } from "./parts.ts";

/** Where answers are read: who keeps the reaction (`init` says which), and who is told what became of it. */
export interface Reader {
  keep: (message: string, init: RequestInit) => Promise<unknown>;
  announce: (done: "reacted" | "reason_kept" | "reaction_taken_back") => void;
  explain: (error: unknown) => void;
}

/** Thumbs under answers. The one that is pressed is taken back by pressing it again; after either one may say why. */
export function watchReactions(root: HTMLElement, reader: Reader): void {
  root.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("[data-react]");
    const answer = button?.closest<HTMLElement>("article[data-message]");
    if (button && answer) void new Reaction(answer, button, reader).toggle();
  });
}

/** Shows which thumb is pressed; none for an empty name. */
export function pressThumb(answer: HTMLElement, reaction: string): void {
  for (const one of answer.querySelectorAll<HTMLElement>("[data-react]")) {
    one.ariaPressed = String(one.dataset.react === reaction);
  }
}

class Reaction {
  readonly #answer: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #reader: Reader;

  constructor(answer: HTMLElement, button: HTMLButtonElement, reader: Reader) {
    this.#answer = answer;
    this.#button = button;
    this.#reader = reader;
  }

  async toggle(): Promise<void> {
    const isTakenBack = this.#button.ariaPressed === "true";
    if (!(await this.#call(isTakenBack ? { method: "DELETE" } : this.#kept()))) return;
    pressThumb(this.#answer, isTakenBack ? "" : (this.#button.dataset.react ?? ""));
    this.#answer.querySelector("[data-reason]")?.remove();
    if (!isTakenBack) this.#askWhy();
    this.#reader.announce(isTakenBack ? "reaction_taken_back" : "reacted");
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
    form.scrollIntoView({ block: "nearest" });
  }

  async #giveReason(reason: string, leave: () => void): Promise<void> {
    if (reason.trim() && !(await this.#call(this.#kept(reason)))) return;
    leave();
    if (reason.trim()) this.#reader.announce("reason_kept");
  }

  #kept(reason = ""): RequestInit {
    const body = JSON.stringify({ reaction: this.#button.dataset.react, reason });
    return { method: "POST", headers: { "Content-Type": "application/json" }, body };
  }

  /** Whether it was done; if not, the page says why. */
  async #call(init: RequestInit): Promise<boolean> {
    try {
      await this.#reader.keep(this.#answer.dataset.message ?? "", init);
      return true;
    } catch (error) {
      this.#reader.explain(error);
      return false;
    }
  }
}
