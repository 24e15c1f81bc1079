import { Refused } from "../chat/api.ts";
import { pause } from "../chat/backoff.ts";
import { eventOf } from "../chat/events.ts";
import { readFrames } from "../chat/frames.ts";
import { watchReactions } from "../chat/reactions.ts";
import { WidgetApi, type Author, type Conversation, type Signed } from "./api.ts";
import { Host } from "./host.ts";
import { Kept } from "./kept.ts";
import { Talk } from "./talk.ts";

const LOOKS_EVERY = 2_500;
const LOOKS_SELDOM = 10_000;
const PATIENCE = 45_000;
const MOST_TRIES = 8;

/** The chat in a widget's frame: one conversation of one visitor. */
export class WidgetFrame {
  readonly #root: HTMLElement;
  readonly #kept: Kept;
  readonly #api: WidgetApi;
  readonly #host: Host;
  readonly #talk: Talk;
  readonly #field: HTMLTextAreaElement;
  #customerPass: string | null = null;
  #isSending = false;
  #with: Author;
  #unread = 0;
  /** Grows with each beginning and end of a change, so that what was read before is not shown after. */
  #reacted = 0;
  #lookNow: () => void = () => undefined;

  constructor(root: HTMLElement) {
    const { widget = "", root: address = "", host = "", agent = "" } = root.dataset;
    this.#root = root;
    this.#kept = new Kept(widget);
    this.#api = new WidgetApi(address, this.#kept);
    this.#host = new Host(host);
    this.#talk = new Talk(this.#part("log"));
    this.#field = this.#part<HTMLTextAreaElement>("field");
    this.#with = { kind: "agent", name: agent };
  }

  begin(): void {
    const form = this.#part<HTMLFormElement>("composer");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#host.close();
    });
    for (const starter of this.#root.querySelectorAll<HTMLButtonElement>("[data-starter]")) {
      starter.addEventListener("click", () => void this.#send(starter.textContent.trim()));
    }
    this.#part("close").hidden = !this.#host.isThere;
    this.#part("close").addEventListener("click", () => this.#host.close());
    this.#part("person").addEventListener("click", () => void this.#wantPerson("POST"));
    this.#part("withdraw").addEventListener("click", () => void this.#wantPerson("DELETE"));
    this.#part("another").addEventListener("click", () => void this.#startAnew());
    watchReactions(this.#talk.element, {
      keep: (message, init) => this.#keepReaction(message, init),
      announce: (done) => this.#announce(done),
      explain: (error) => this.#explain(error),
    });
    document.addEventListener("visibilitychange", () => document.hidden || this.#lookNow());
    this.#kept.onBegun = () => this.#lookNow();
    this.#host.onOpen = () => this.#opened();
    this.#host.onCustomer = (signed) => void this.#know(signed);
    this.#host.begin();
    void this.#lookAgainAndAgain();
  }

  #opened(): void {
    this.#unread = 0;
    this.#host.unread(0);
    this.#field.focus();
    this.#lookNow();
  }

  #submit(): void {
    const text = this.#field.value.trim();
    if (!text) return;
    if (this.#isSending) return this.#announce("wait");
    this.#field.value = "";
    void this.#send(text);
  }

  async #send(text: string): Promise<void> {
    if (this.#isSending) return;
    this.#setSending(true);
    const question = this.#talk.question(text);
    try {
      if (!this.#kept.token) await this.#api.visit(this.#customerPass);
      await this.#follow(await this.#asked(text));
      this.#setSending(false);
      await this.#look();
      this.#talk.dropPassing();
    } catch (error) {
      this.#setSending(false);
      this.#notSent(question, text, error);
    }
    this.#field.focus();
  }

  /** Asks, and asks again while the agent's last words are still being stored. */
  async #asked(text: string): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#api.ask(text);
      } catch (error) {
        const isBusy = error instanceof Refused && error.failure.code === "session_busy";
        if (!isBusy || attempt === MOST_TRIES) throw error;
        await pause(1_000);
      }
    }
  }

  /** Draws the answer as it comes. Should the connection break, what the server keeps is looked at instead. */
  async #follow(response: Response): Promise<void> {
    if (!response.body) return;
    let write: ((text: string) => void) | null = null;
    try {
      for await (const frame of readFrames(response.body, PATIENCE)) {
        const event = eventOf(frame);
        if (event?.type !== "message.delta") continue;
        this.#setTyping(false);
        write ??= this.#talk.answer(this.#with);
        write(event.data.text);
      }
    } catch {
      this.#setTyping(true);
    }
  }

  #notSent(question: HTMLElement, text: string, error: unknown): void {
    if (error instanceof Refused && (error.status === 401 || error.status === 404)) this.#kept.forget();
    const template = document.querySelector<HTMLTemplateElement>("#failure-template");
    const failure = template?.content.firstElementChild?.cloneNode(true) as HTMLElement;
    const words = failure.querySelector("[data-words]");
    const isGone = error instanceof Refused && error.failure.code === "widget_not_found";
    if (words && isGone) words.textContent = this.#root.dataset["gone"] ?? "";
    else if (words && error instanceof Refused && error.message) words.textContent = error.message;
    if (isGone) failure.querySelector("button")?.remove();
    failure.querySelector("button")?.addEventListener("click", () => {
      question.remove();
      void this.#send(text);
    });
    question.append(failure);
    this.#talk.toEnd();
  }

  async #lookAgainAndAgain(): Promise<void> {
    for (;;) {
      await this.#look();
      const called = new Promise<void>((resolve) => (this.#lookNow = resolve));
      await Promise.race([called, pause(document.hidden || !this.#host.isOpen ? LOOKS_SELDOM : LOOKS_EVERY)]);
    }
  }

  async #look(): Promise<void> {
    if (this.#isSending || !this.#kept.token) return;
    const before = this.#reacted;
    try {
      const conversation = await this.#api.read(this.#talk.last);
      this.#take(conversation);
      if (before === this.#reacted) this.#talk.mark(conversation.reactions);
      this.#part("offline").hidden = true;
    } catch (error) {
      if (!(error instanceof Refused)) this.#part("offline").hidden = false;
      else if (error.status === 401 || error.status === 404) {
        this.#kept.forget();
        this.#talk.clear();
        this.#setState("agent", false);
        this.#setTyping(false);
      }
    }
  }

  #take(conversation: Conversation): void {
    if (this.#isSending) return;
    this.#with = conversation.with;
    const ofOthers = this.#talk.take(conversation.messages);
    this.#setTyping(conversation.is_writing);
    this.#part("with").textContent = conversation.with.name;
    this.#setState(conversation.state, conversation.asks_for_person);
    this.#part("starters").hidden = this.#talk.last > 0;
    if (ofOthers && !this.#host.isOpen) this.#host.unread((this.#unread += ofOthers));
  }

  async #keepReaction(message: string, init: RequestInit): Promise<void> {
    this.#reacted += 1;
    try {
      await this.#api.react(message, init);
      this.#part("problem").hidden = true;
    } finally {
      this.#reacted += 1;
    }
  }

  /** Says it to who cannot see: the frame has the words, in the reader's language. */
  #announce(done: string): void {
    this.#part("announcer").textContent = this.#root.dataset[done] ?? "";
  }

  #explain(error: unknown): void {
    const isRefused = error instanceof Refused && error.message !== "";
    this.#part(isRefused ? "problem" : "offline").hidden = false;
    if (isRefused) this.#part("problem").textContent = error.message;
  }

  async #wantPerson(method: "POST" | "DELETE"): Promise<void> {
    try {
      if (!this.#kept.token) await this.#api.visit(this.#customerPass);
      await this.#api.wantPerson(method);
    } catch {
      this.#part("offline").hidden = false;
    }
    await this.#look();
    this.#field.focus();
  }

  async #startAnew(): Promise<void> {
    if (this.#isSending || !this.#kept.token) return;
    try {
      await this.#api.another();
      if (this.#customerPass) await this.#api.bind(this.#customerPass);
    } catch {
      this.#kept.forget();
    }
    this.#talk.clear();
    this.#part("starters").hidden = false;
    this.#setState("agent", false);
    this.#field.focus();
  }

  /** The page says who its customer is, and has signed for it. What is not right is left out: the chat goes on. */
  async #know(signed: Signed): Promise<void> {
    try {
      this.#customerPass = await this.#api.customerPass(signed);
      if (this.#kept.token) await this.#api.bind(this.#customerPass);
    } catch (error) {
      if (error instanceof Refused && error.failure.code === "bound_to_another") return this.#startAnew();
      const why = error instanceof Error ? error.message : String(error);
      console.warn(`Opie: data-customer, data-time and data-signature of the widget were left out. ${why}`);
    }
  }

  #setSending(isSending: boolean): void {
    this.#isSending = isSending;
    this.#part("starters").hidden = true;
    this.#part<HTMLButtonElement>("send").disabled = isSending;
    this.#talk.element.setAttribute("aria-busy", String(isSending));
    this.#setTyping(isSending && this.#with.kind === "agent");
  }

  #setState(state: Conversation["state"], asksForPerson: boolean): void {
    this.#root.dataset["state"] = state;
    const isWanted = asksForPerson || state === "taken_over";
    this.#part("person").hidden = isWanted;
    this.#part("withdraw").hidden = !isWanted;
  }

  #setTyping(isTyping: boolean): void {
    this.#part("typing").hidden = !isTyping;
  }

  #part<T extends HTMLElement = HTMLElement>(name: string): T {
    const found = this.#root.querySelector<T>(`[data-part="${name}"]`);
    if (!found) throw new Error(`The frame has no ${name}.`);
    return found;
  }
}
