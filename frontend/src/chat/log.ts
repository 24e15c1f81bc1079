import { callApi, Refused } from "./api.ts";
import { Answer } from "./answer.ts";
import { linkAllMarks } from "./citations.ts";
import type { Finished, Person } from "./events.ts";
import { fromTemplate, part, setText } from "./parts.ts";
import { nameCommand, watchFolds } from "./question.ts";
import type { ScrollFollower } from "./scroll.ts";

/** Told of the log whenever the server says how it stands: whether a person is asked for or answers. */
export const PERSON = "opie:person";

/** What the server says the log looks like now. */
interface Drawn {
  items: Element;
  lines: Element;
  tip: string;
  activeRun: string;
}

/** The messages that are shown. The server draws them; what is written meanwhile is added here. */
export class ChatLog {
  readonly element: HTMLElement;
  readonly #empty: HTMLElement;
  readonly #scroll: ScrollFollower;
  tip: string;

  constructor(element: HTMLElement, scroll: ScrollFollower, tip: string) {
    this.element = element;
    this.#scroll = scroll;
    this.#empty = part(element, "[data-empty]");
    this.tip = tip;
    watchFolds(element);
  }

  /** Nothing branches off while an answer is written. */
  lock(locked: boolean): void {
    for (const button of this.element.querySelectorAll<HTMLButtonElement>(BRANCHING)) button.disabled = locked;
    for (const link of this.element.querySelectorAll<HTMLElement>("a[data-show-message]")) {
      link.ariaDisabled = String(locked);
    }
  }

  /** `command` names the command that wrote it. */
  addQuestion(text: string, command = ""): HTMLElement {
    this.#empty.hidden = true;
    const question = fromTemplate<HTMLElement>("question-template");
    setText(question, "[data-text]", text);
    nameCommand(question, command);
    this.element.append(question);
    return question;
  }

  addAnswer(question: string): Answer {
    const answer = new Answer(() => this.#scroll.grew());
    answer.element.dataset.question = question;
    this.element.append(answer.element);
    return answer;
  }

  /** The answer of a run as the server drew it, to be written on; or a new one. */
  answerOf(runId: string): Answer {
    const drawn = this.#articleOf(this.element, runId);
    return drawn ? new Answer(() => this.#scroll.grew(), drawn) : this.addAnswer("");
  }

  /** Nobody answers at once: whoever of the team has the chat reads it. `last` is its question, or the place of the answer,
   *  which goes. */
  leaveToPerson(last: HTMLElement, { person }: Finished): void {
    if (last.matches(".answer")) last.remove();
    this.#scroll.grew();
    this.#tell(person ?? { state: "taken_over", name: "" });
  }

  #tell(person: Person): void {
    this.element.dispatchEvent(new CustomEvent(PERSON, { bubbles: true, detail: person }));
  }

  /** Takes away an article and everything after it. */
  cutFrom(article: Element | null): void {
    while (article) {
      const next = article.nextElementSibling;
      article.remove();
      article = next;
    }
  }

  async fetch(address: string): Promise<Drawn> {
    const url = new URL(address, location.href);
    url.searchParams.set("part", "log");
    const response = await callApi(url.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const log = page.querySelector<HTMLElement>("[data-log]");
    // Who is not signed in any more is sent to the sign-in instead.
    if (!log) throw new Refused(401, { code: "not_signed_in", message: "" });
    const { tip = "", activeRun = "", person = "agent", personName = "" } = log.dataset;
    this.#tell({ state: person as Person["state"], name: personName });
    return { items: part(log, "[data-items]"), lines: part(log, "[data-lines]"), tip, activeRun };
  }

  /** Shows what the server drew, in place of everything. */
  replaceWith(drawn: Drawn): void {
    const items = [...drawn.items.children].map((item) => document.adoptNode(item));
    this.#empty.hidden = items.length > 0;
    this.element.replaceChildren(this.#empty, ...items);
    this.tip = drawn.tip;
    linkAllMarks(this.element);
    window.htmx?.process(this.element);
  }

  /** What only the server knows of an answer that was just written: its message, its versions, what was given. */
  adopt(runId: string, drawn: Drawn): void {
    this.tip = drawn.tip;
    const [here, there] = [this.#articleOf(this.element, runId), this.#articleOf(drawn.items, runId)];
    // Its question is a person's to answer: nothing was ever said to it.
    if (here && !there && here.dataset.status === "cancelled" && !part(here, "[data-parts]").firstChild) here.remove();
    if (!here || !there) return;
    take(here, there);
    const [question, asked] = [here.previousElementSibling, there.previousElementSibling];
    if (question instanceof HTMLElement && asked instanceof HTMLElement) take(question, asked);
  }

  /** Shows at the end what the server drew and is not here yet. False, and nothing is done, for another branch. */
  takeNew(drawn: Drawn): boolean {
    const known = [...this.element.querySelectorAll<HTMLElement>("article[data-message]")].at(-1)?.dataset.message;
    const there = [...drawn.items.querySelectorAll<HTMLElement>(":scope > article")];
    const place = there.findIndex((article) => article.dataset.message === known);
    if (known && place < 0) return false;
    for (const article of there.slice(place + 1)) {
      const here = this.#unnamed(article);
      if (here) take(here, article);
      else this.element.append(document.adoptNode(article));
    }
    this.#empty.hidden = true;
    this.tip = drawn.tip;
    linkAllMarks(this.element);
    this.#scroll.grew();
    return true;
  }

  /** What was written here before the server had a name for it. */
  #unnamed(drawn: HTMLElement): HTMLElement | null {
    if (drawn.dataset.run) return this.#articleOf(this.element, drawn.dataset.run);
    if (!drawn.matches(".question")) return null;
    const text = part(drawn, "[data-text]").textContent;
    const here = [...this.element.querySelectorAll<HTMLElement>("article.question:not([data-message])")];
    return here.find((question) => part(question, "[data-text]").textContent === text) ?? null;
  }

  #articleOf(root: ParentNode, runId: string): HTMLElement | null {
    return root.querySelector<HTMLElement>(`article[data-run="${CSS.escape(runId)}"]`);
  }
}

const BRANCHING = "[data-edit], [data-again], [data-branch]";
const TAKEN = ["[data-versions]", "[data-given]", "[data-citations]", "[data-agent-name]", "[data-answered-by]", "[data-why]"];

function take(here: HTMLElement, there: HTMLElement): void {
  if (there.dataset.message) here.dataset.message = there.dataset.message;
  if (there.dataset.agent) here.dataset.agent = there.dataset.agent;
  for (const selector of TAKEN) {
    const [old, fresh] = [here.querySelector(selector), there.querySelector(selector)];
    if (old && fresh) old.replaceWith(document.adoptNode(fresh));
  }
}
