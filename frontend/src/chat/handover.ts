import { pause } from "./backoff.ts";
import { Refused, type ChatApi } from "./api.ts";
import type { Conversation } from "./conversation.ts";
import type { Person } from "./events.ts";
import { PERSON } from "./log.ts";
import { part } from "./parts.ts";
import type { Phrases } from "./phrases.ts";

const LOOKS_EVERY = 4_000;

/**
 * A person of the team in the chat: asked for, waited for, answering. What they say comes by looking again and again, for
 * as long as one is asked for or answers, and the page is in sight.
 */
export class Handover {
  readonly #root: HTMLElement;
  readonly #banner: HTMLElement;
  readonly #api: ChatApi;
  readonly #conversation: Conversation;
  readonly #phrases: Phrases;
  #looks = false;

  constructor(root: HTMLElement, api: ChatApi, conversation: Conversation, phrases: Phrases) {
    this.#root = root;
    this.#banner = part(root, "[data-person-banner]");
    this.#api = api;
    this.#conversation = conversation;
    this.#phrases = phrases;
  }

  begin(): void {
    this.#root.addEventListener(PERSON, (event) => this.#take((event as CustomEvent<Person>).detail));
    this.#banner.querySelector("[data-withdraw-person]")?.addEventListener("click", () => void this.#want("DELETE"));
    document.querySelector("form[data-ask-person]")?.addEventListener("submit", () => void this.#want("POST"));
    document.body.addEventListener("opie:session-created", () => this.#offer());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.#state !== "agent") void this.#look();
    });
    void this.#lookAgainAndAgain();
  }

  get #state(): string {
    return this.#root.dataset.person ?? "agent";
  }

  async #want(method: "POST" | "DELETE"): Promise<void> {
    const { sessionId } = this.#root.dataset;
    if (!sessionId) return;
    try {
      this.#take(await this.#api.wantPerson(sessionId, method));
    } catch (error) {
      this.#conversation.explain(error);
    }
    part<HTMLElement>(this.#root, "#message").focus();
  }

  #take({ state, name }: Person): void {
    const { person, personName } = this.#root.dataset;
    if (state === person && name === personName) return;
    this.#root.dataset.person = state;
    this.#root.dataset.personName = name;
    const said = part<HTMLElement>(this.#banner, "[data-person-text]");
    said.textContent = (said.dataset.personText ?? "").replace("NAME", () => name);
    this.#banner.hidden = state === "agent";
    this.#phrases.announce(ANNOUNCED[state], name);
    this.#offer();
    void this.#lookAgainAndAgain();
  }

  /** One can be asked for where something was said, and nobody is yet. */
  #offer(): void {
    const offered = this.#state === "agent" && Boolean(this.#root.dataset.sessionId);
    for (const button of document.querySelectorAll<HTMLElement>("[data-asks-person]")) button.hidden = !offered;
  }

  async #lookAgainAndAgain(): Promise<void> {
    if (this.#looks) return;
    this.#looks = true;
    while (this.#state !== "agent") {
      await pause(LOOKS_EVERY);
      if (!document.hidden) await this.#look();
    }
    this.#looks = false;
  }

  async #look(): Promise<void> {
    const { sessionId } = this.#root.dataset;
    if (!sessionId) return;
    try {
      const { head, person } = await this.#api.standing(sessionId);
      await this.#conversation.catchUp(head ?? "");
      this.#take(person);
    } catch (error) {
      // The next look may succeed; who is signed out is told when they send.
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    }
  }
}

const ANNOUNCED = { waits: "person_waits", taken_over: "person_came", agent: "person_gone" } as const;
