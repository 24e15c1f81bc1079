import { part } from "./parts.ts";

/** Where the message is written. Enter sends, Shift+Enter breaks the line; while an answer comes, Send is Stop. */
export class Composer {
  onSend: (text: string) => void = () => undefined;
  onStop: () => void = () => undefined;
  readonly #form: HTMLFormElement;
  readonly #text: HTMLTextAreaElement;
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #problem: HTMLElement;
  #busy = false;

  constructor(form: HTMLFormElement) {
    this.#form = form;
    this.#text = part(form, "textarea");
    this.#send = part(form, "[data-send]");
    this.#stop = part(form, "[data-stop]");
    this.#problem = part(form.parentElement ?? form, "[data-problem]");
    this.#listen();
    this.#refresh();
  }

  set busy(busy: boolean) {
    const hadFocus = document.activeElement === this.#send || document.activeElement === this.#stop;
    this.#busy = busy;
    this.#send.hidden = busy;
    this.#stop.hidden = !busy;
    this.#stop.disabled = false;
    this.#refresh();
    if (hadFocus) this.focus();
  }

  get busy(): boolean {
    return this.#busy;
  }

  focus(): void {
    this.#text.focus();
  }

  /** Puts a refused message back, with the reason beside it. */
  refuse(text: string, reason: string): void {
    if (!this.#text.value) this.#text.value = text;
    this.#say(reason);
    this.#refresh();
    this.focus();
  }

  stopping(): void {
    this.#stop.disabled = true;
  }

  #listen(): void {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#stop.addEventListener("click", () => this.onStop());
    this.#text.addEventListener("input", () => {
      this.#say("");
      this.#refresh();
    });
    this.#text.addEventListener("paste", (event) => this.#refuseTooMuch(event));
    this.#text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
  }

  /** What could never be sent is not put in: laying out a million characters would hold the page up for seconds. */
  #refuseTooMuch(event: ClipboardEvent): void {
    const { longest = "Infinity", tooLong = "" } = this.#form.dataset;
    const pasted = event.clipboardData?.getData("text/plain").length ?? 0;
    if (this.#text.value.length + pasted <= Number(longest)) return;
    event.preventDefault();
    this.#say(tooLong);
  }

  #submit(): void {
    const text = this.#text.value.trim();
    if (!text || this.#busy) return;
    this.#text.value = "";
    this.#refresh();
    this.onSend(text);
  }

  #say(problem: string): void {
    this.#problem.textContent = problem;
    this.#problem.hidden = !problem;
    this.#text.setAttribute("aria-invalid", String(Boolean(problem)));
  }

  #refresh(): void {
    this.#send.disabled = !this.#text.value.trim();
  }
}
