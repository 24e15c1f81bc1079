import type { RunEvent } from "./events.ts";
import { part, setText } from "./parts.ts";

type Phrase =
  | "answering"
  | "finished"
  | "stopped"
  | "failed"
  | "unreachable"
  | "refused"
  | "lost"
  | "back"
  | "approval"
  | "withdrawn"
  | "person_waits"
  | "person_came"
  | "person_gone"
  | "left_to_person"
  | "reacted"
  | "reason_kept"
  | "reaction_taken_back"
  | "version"
  | "commands"
  | "no_commands"
  | "commands_lost"
  | "unreadable"
  | "required"
  | "incomplete"
  | "unfit";

const OF_EVENTS: Partial<Record<RunEvent["type"], Phrase>> = {
  "approval.required": "approval",
  "run.finished": "finished",
  "run.cancelled": "stopped",
  "run.failed": "failed",
  "run.interrupted": "failed",
};

/** What the page says, in the reader's language: the server writes it into the page. */
export class Phrases {
  readonly #texts = JSON.parse(part(document, "#chat-phrases").textContent) as Record<Phrase, string>;

  of(phrase: Phrase): string {
    return this.#texts[phrase];
  }

  /** Says it to who cannot see. */
  announce(phrase: Phrase, value = ""): void {
    setText(document, "[data-announcer]", this.of(phrase).replace("VALUE", value));
  }

  /** The same of what has become of an answer. */
  announceEvent(event: RunEvent): void {
    const isLeft = event.type === "run.finished" && event.data.for_person;
    const phrase = isLeft ? "left_to_person" : OF_EVENTS[event.type];
    if (phrase) this.announce(phrase);
  }
}
