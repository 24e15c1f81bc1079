/** The visitor's token and conversation, kept in the frame's own storage; where a browser allows none, until it closes. */
export class Kept {
  readonly #name: string;
  #token = "";
  #conversation = "";

  constructor(widget: string) {
    this.#name = `opie:${widget}`;
    try {
      const found = JSON.parse(localStorage.getItem(this.#name) ?? "{}") as { token?: string; conversation?: string };
      this.#token = found.token ?? "";
      this.#conversation = found.conversation ?? "";
    } catch {
      // Third-party storage is off: the conversation lasts as long as the page.
    }
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

  forget(): void {
    this.keep("", "");
  }
}
