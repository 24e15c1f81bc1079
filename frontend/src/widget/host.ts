import type { Signed } from "./api.ts";

interface Told {
  type?: string;
  customer?: string;
  time?: string;
  signature?: string;
}

/** The page around the frame. Only the one that the server has named is listened to, and told anything. */
export class Host {
  readonly #origin: string;
  isOpen = true;
  onOpen: () => void = () => undefined;
  onCustomer: (signed: Signed) => void = () => undefined;

  constructor(origin: string) {
    this.#origin = origin;
  }

  get isThere(): boolean {
    return this.#origin !== "" && window.parent !== window;
  }

  begin(): void {
    addEventListener("message", (event: MessageEvent<Told | null>) => {
      if (!this.isThere || event.origin !== this.#origin || event.source !== window.parent) return;
      this.#take(event.data ?? {});
    });
    this.#say("ready");
  }

  close(): void {
    this.#say("close");
  }

  unread(count: number): void {
    this.#say("unread", { count });
  }

  #take(told: Told): void {
    if (told.type === "opie:opened") {
      this.isOpen = true;
      this.onOpen();
    } else if (told.type === "opie:closed") this.isOpen = false;
    else if (told.type === "opie:hello" && told.customer) {
      this.onCustomer({ customer: told.customer, time: Number(told.time) || 0, signature: told.signature ?? "" });
    }
  }

  #say(type: string, more: object = {}): void {
    if (this.isThere) window.parent.postMessage({ type: `opie:${type}`, ...more }, this.#origin);
  }
}
