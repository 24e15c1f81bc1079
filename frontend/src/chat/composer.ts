import { part } from "./parts.ts";

/** Where the message is written. Enter sends, Shift+Enter breaks the line; what is sent while an answer comes, waits. */
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
    this.giveBack(text);
    this.say(reason);
  }

  /** Puts a message back to be written on, unless another one is being written. */
  giveBack(text: string): void {
    if (!this.#text.value) this.#text.value = text;
    this.#refresh();
    this.focus();
  }

  /** Whether this chat takes no message while an answer is written. */
  refusesMore(): boolean {
    return this.#form.dataset.whenBusy === "refuse";
  }

  /** Why it takes none. */
  get refusal(): string {
    return this.#form.dataset.refusesText ?? "";
  }

  say(problem: string): void {
    this.#problem.textContent = problem;
    this.#problem.hidden = !problem;
    this.#text.setAttribute("aria-invalid", String(Boolean(problem)));
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
      this.say("");
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
    this.say(tooLong);
  }

  #submit(): void {
    const text = this.#text.value.trim();
    if (!text) return;
    if (this.#busy && this.refusesMore()) return this.say(this.refusal);
    this.#text.value = "";
    this.#refresh();
    this.onSend(text);
  }

  #refresh(): void {
    const isEmpty = !this.#text.value.trim();
    this.#send.disabled = isEmpty;
    // While an answer comes, Stop stands here, and Send beside it once there is something to send.
    this.#send.hidden = this.#busy && (isEmpty || this.refusesMore());
    const { sendText = "", sendLaterText = "" } = this.#send.dataset;
    this.#send.ariaLabel = this.#send.title = this.#busy ? sendLaterText : sendText;
  }
}
