/** Follows what is being written, until the reader scrolls up; the pill leads back to the end. */
const NEAR = 64;

export class ScrollFollower {
  readonly #log: HTMLElement;
  readonly #pill: HTMLElement;
  #following = true;
  #top = 0;

  constructor(log: HTMLElement, pill: HTMLElement) {
    this.#log = log;
    this.#pill = pill;
    log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    pill.addEventListener("click", () => this.toLatest());
    new ResizeObserver(() => this.grew()).observe(log);
  }

  /** Call when the content has grown. */
  grew(): void {
    if (this.#following) this.#toEnd();
    this.#show();
  }

  toLatest(): void {
    this.#following = true;
    this.#toEnd();
    this.#show();
  }

  #scrolled(): void {
    const { scrollTop } = this.#log;
    // Only a move upwards is the reader's wish; growing content and our own scrolling move down.
    if (scrollTop < this.#top - 1 && !this.#nearEnd()) this.#following = false;
    if (this.#nearEnd()) this.#following = true;
    this.#top = scrollTop;
    this.#show();
  }

  #toEnd(): void {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#top = this.#log.scrollTop;
  }

  #nearEnd(): boolean {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight < NEAR;
  }

  #show(): void {
    this.#pill.hidden = this.#following || this.#nearEnd();
  }
}
