import { part, setText } from "./parts.ts";

/** The address says which chat is open, and which of its branches: reloading, Back and sharing lead back to it. */
export class SessionAddress {
  readonly #root: HTMLElement;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  get href(): string {
    const url = new URL(location.href);
    const { sessionId } = this.#root.dataset;
    if (sessionId) url.searchParams.set("session", sessionId);
    return url.href;
  }

  /** From the first answer on, the address is the session's. */
  nameSession(id: string): void {
    if (this.#root.dataset.sessionId === id) return;
    this.#root.dataset.sessionId = id;
    history.replaceState(history.state, "", `${location.pathname}?session=${encodeURIComponent(id)}`);
    for (const link of this.#root.querySelectorAll<HTMLAnchorElement>("a[data-session-href]")) {
      link.href = (link.dataset.sessionHref ?? "").replace("SESSION", id);
      link.hidden = false;
    }
    part<HTMLInputElement>(this.#root, "#history-session").value = id;
    document.body.dispatchEvent(new CustomEvent("opie:session-created"));
  }

  /** Another branch is shown: Back leads to the one before, which ended with `tip`. */
  nameBranch(messageId: string, tip: string): void {
    const url = new URL(this.href);
    if (!url.searchParams.has("message")) {
      url.searchParams.set("message", tip);
      history.replaceState(history.state, "", url);
    }
    url.searchParams.set("message", messageId);
    history.pushState(null, "", url);
  }

  /** The chat goes on in a branch that has no name yet. */
  forgetBranch(): void {
    const url = new URL(location.href);
    if (!url.searchParams.has("message")) return;
    url.searchParams.delete("message");
    history.pushState(null, "", url);
  }

  title(title: string): void {
    setText(this.#root, "[data-title]", title);
    document.title = `${title} · Opie`;
  }
}
