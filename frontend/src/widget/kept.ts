/** The visitor's token and conversation, kept in the frame's own storage; where a browser allows none, until it closes. */
export class Kept {
  readonly #name: string;
  #token = "";
  #conversation = "";
  /** Another tab has begun a conversation, and here there is none yet. */
  onBegun: () => void = () => undefined;

  constructor(widget: string) {
    this.#name = `opie:${widget}`;
    this.#find();
    addEventListener("storage", (event) => {
      if (event.key !== this.#name || this.#token) return;
      this.#find();
      if (this.#token) this.onBegun();
    });
  }

  get token(): string {
    return this.#token;
  }

  get conversation(): string {
    return this.#conversation;
  }

  keep(token: string, conversation: string): void {
    this.#token = token;
    this.#conversation = conversation;
    try {
      localStorage.setItem(this.#name, JSON.stringify({ token, conversation }));
    } catch {
      // As above.
    }
  }

  #find(): void {
    try {
      const found = JSON.parse(localStorage.getItem(this.#name) ?? "{}") as { token?: string; conversation?: string };
      this.#token = found.token ?? "";
      this.#conversation = found.conversation ?? "";
    } catch {
      // Third-party storage is off: the conversation lasts as long as the page.
    }
  }

  forget(): void {
    this.keep("", "");
  }
}
