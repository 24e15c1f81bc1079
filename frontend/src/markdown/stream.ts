import { decorateCodeBlocks } from "./code-blocks.ts";
import { lastBlockLine, renderMarkdown } from "./render.ts";

/**
 * Markdown that grows. Text is gathered and drawn once a frame, and only the last block is drawn anew: what was
 * finished before it stays as it is, so that a long answer costs no more a word than a short one.
 */
export class MarkdownStream {
  readonly element: HTMLElement;
  readonly #tail = document.createElement("div");
  readonly #drawn: () => void;
  #source = "";
  #settled = 0;
  #frame = 0;

  constructor(element: HTMLElement, drawn: () => void) {
    this.element = element;
    this.#drawn = drawn;
    this.#tail.className = "tail";
    element.append(this.#tail);
  }

  get source(): string {
    return this.#source;
  }

  append(text: string): void {
    this.#source += text;
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** Draws the whole once more: references may point forward, and lists may have grown together. */
  finish(source = this.#source): void {
    cancelAnimationFrame(this.#frame);
    this.#source = source;
    this.element.replaceChildren(renderMarkdown(source));
    decorateCodeBlocks(this.element);
    this.#drawn();
  }

  #draw(): void {
    this.#frame = 0;
    const rest = this.#source.slice(this.#settled);
    const line = lastBlockLine(rest);
    if (line > 0) this.#settle(rest, line);
    this.#tail.replaceChildren(renderMarkdown(this.#source.slice(this.#settled)));
    this.#drawn();
  }

  #settle(rest: string, line: number): void {
    const length = rest.split("\n", line).join("\n").length + 1;
    const blocks = renderMarkdown(rest.slice(0, length));
    decorateCodeBlocks(blocks);
    this.#tail.before(blocks);
    this.#settled += length;
  }
}
