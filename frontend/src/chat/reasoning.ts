import { duration } from "../format.ts";
import { fromTemplate, part, setText } from "./parts.ts";

/** What the model thought before it spoke: open while it thinks, folded away with the first word of the answer. */
export class Reasoning {
  readonly element = fromTemplate<HTMLDetailsElement>("reasoning-template");
  readonly #text = part<HTMLElement>(this.element, "[data-text]");
  readonly #since = performance.now();
  #touched = false;

  constructor() {
    this.element.dataset.status = "running";
    this.element.open = true;
    part(this.element, "summary").addEventListener("click", () => {
      this.#touched = true;
    });
  }

  append(text: string): void {
    this.#text.append(text);
  }

  /** Folds, unless the reader has taken it in hand. */
  finish(): void {
    if (this.element.dataset.status !== "running") return;
    this.element.dataset.status = "completed";
    setText(this.element, "[data-duration]", duration(performance.now() - this.#since));
    if (!this.#touched) this.element.open = false;
  }
}
