/** Searching the library as one types. The server draws what is found; the address keeps what was asked for. */
import { callApi, Refused } from "../chat/api.ts";
import { part, setText } from "../chat/parts.ts";

const PAUSE = 150;

export function watchBrowsing(form: HTMLFormElement): void {
  const browser = new Browser(form, part(document, "#commands"));
  form.addEventListener("input", () => browser.soon());
  form.addEventListener("change", () => browser.now());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    browser.now();
  });
  document.addEventListener("keydown", (event) => moveBetween(event, form));
}

class Browser {
  readonly #form: HTMLFormElement;
  readonly #place: HTMLElement;
  #timer = 0;
  #asked = "";
  #under = new AbortController();

  constructor(form: HTMLFormElement, place: HTMLElement) {
    this.#form = form;
    this.#place = place;
    this.#asked = this.#query();
  }

  soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.now(), PAUSE);
  }

  now(): void {
    clearTimeout(this.#timer);
    const query = this.#query();
    if (query === this.#asked) return;
    this.#asked = query;
    void this.#show(query);
  }

  #query(): string {
    const written = [...new FormData(this.#form)].map(([name, value]) => [name, String(value).trim()] as [string, string]);
    return new URLSearchParams(written.filter(([, value]) => value)).toString();
  }

  async #show(query: string): Promise<void> {
    this.#under.abort();
    this.#under = new AbortController();
    const { signal } = this.#under;
    this.#place.ariaBusy = "true";
    try {
      const response = await callApi(`${location.pathname}?${query}&part=list`, { headers: { Accept: "text/html" }, signal });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const shown = page.querySelector<HTMLElement>("[data-shown]");
      // Who is not signed in any more is sent to the sign-in instead.
      if (!shown) return location.reload();
      this.#put(shown, query);
    } catch (error) {
      // What is shown stays; the next letter asks again.
      if (isAborted(error)) return;
      this.#asked = "";
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    }
    this.#place.ariaBusy = "false";
  }

  #put(shown: HTMLElement, query: string): void {
    this.#place.replaceChildren(document.adoptNode(shown));
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
    setText(document, "[data-announcer]", shown.dataset.said ?? "");
    const link = document.querySelector<HTMLAnchorElement>("a[data-export]");
    if (link) link.search = shown.dataset.exportQuery ?? "";
  }
}

/** The arrows lead from the search to what was found, and from one command to the next. */
function moveBetween(event: KeyboardEvent, form: HTMLFormElement): void {
  if ((event.key !== "ArrowDown" && event.key !== "ArrowUp") || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = part<HTMLInputElement>(form, "input[type=search]");
  const stops = [search, ...document.querySelectorAll<HTMLElement>("#commands .command-name")];
  const here = stops.indexOf(document.activeElement as HTMLElement);
  if (here < 0) return;
  event.preventDefault();
  stops[here + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
}

function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
