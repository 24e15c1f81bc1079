import { pressThumb } from "../chat/reactions.ts";
import { renderMarkdown } from "../markdown/render.ts";
import type { Author, Message, Reactions } from "./api.ts";

/**
 * What was said, as it is drawn. What the server has has a number; what is only being sent or written is `passing`, and
 * goes when the server's own comes.
 */
export class Talk {
  readonly element: HTMLElement;
  #last = 0;
  #passing: HTMLElement[] = [];

  /** `last` is the number of the last message that is there already. */
  constructor(element: HTMLElement, last = 0) {
    this.element = element;
    this.#last = last;
  }

  /** The number of the last message that is drawn. */
  get last(): number {
    return this.#last;
  }

  /** Draws what is new, and answers how much of it others have written since the visitor's last word in it. */
  take(messages: Message[]): number {
    const fresh = messages.filter((message) => message.number > this.#last);
    if (fresh.length === 0) return 0;
    this.#follow(() => {
      this.dropPassing();
      for (const message of fresh) {
        const article = this.#draw(message.by, message.content, message.status);
        article.dataset["message"] = message.id;
        this.element.append(article);
      }
    });
    this.#last = Math.max(...fresh.map((message) => message.number));
    return fresh.length - 1 - fresh.findLastIndex((message) => message.by.kind === "visitor");
  }

  /** Shows what the visitor thinks of the answers: to them by the thumb that is pressed, to the team in words. */
  mark(reactions: Reactions): void {
    for (const article of this.element.querySelectorAll<HTMLElement>("article[data-message]")) {
      const { reaction = "", reason = "" } = reactions[article.dataset["message"] ?? ""] ?? {};
      pressThumb(article, reaction);
      const seen = article.querySelector<HTMLElement>("[data-seen]");
      if (!seen || seen.dataset["seen"] === reaction && seen.querySelector("q")?.textContent === reason) continue;
      seen.dataset["seen"] = reaction;
      seen.querySelector("q")?.replaceChildren(reason);
    }
  }

  question(text: string): HTMLElement {
    return this.#pass(this.#draw({ kind: "visitor", name: "" }, text, "complete"));
  }

  /** An answer that grows: what is given is drawn once a frame. */
  answer(by: Author): (text: string) => void {
    const article = this.#pass(this.#draw(by, "", "complete"));
    const body = article.querySelector<HTMLElement>("[data-text]");
    let source = "";
    let frame = 0;
    return (text) => {
      source += text;
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        this.#follow(() => body?.replaceChildren(renderMarkdown(source)));
      });
    };
  }

  dropPassing(): void {
    for (const one of this.#passing) one.remove();
    this.#passing = [];
  }

  clear(): void {
    this.dropPassing();
    for (const article of this.element.querySelectorAll("article:not([data-stays])")) article.remove();
    this.#last = 0;
  }

  toEnd(): void {
    this.element.scrollTop = this.element.scrollHeight;
  }

  #pass(article: HTMLElement): HTMLElement {
    this.element.append(article);
    this.#passing.push(article);
    this.toEnd();
    return article;
  }

  #draw(by: Author, content: string, status: string): HTMLElement {
    const template = document.querySelector<HTMLTemplateElement>(`#${by.kind}-template`);
    const article = template?.content.firstElementChild?.cloneNode(true) as HTMLElement;
    article.dataset["status"] = status;
    const name = article.querySelector("[data-name]");
    if (name && by.name) name.textContent = by.name;
    const body = article.querySelector<HTMLElement>("[data-text]");
    if (by.kind === "visitor" || by.kind === "user") body?.append(content);
    else body?.append(renderMarkdown(content));
    return article;
  }

  /** Whoever has scrolled up to read is left there. */
  #follow(change: () => void): void {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < 60;
    change();
    if (isAtEnd) this.toEnd();
  }
}
