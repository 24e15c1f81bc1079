/** What the frame of a widget asks of Opie, as its visitor. No cookie is sent: the token says who it is. */
import { Refused } from "../chat/api.ts";
import type { Failure } from "../chat/events.ts";
import type { Kept } from "./kept.ts";

export interface Author {
  /** `user` is a member of the team whose chat it is. */
  kind: "visitor" | "user" | "agent" | "person";
  name: string;
}

export interface Message {
  id: string;
  number: number;
  by: Author;
  content: string;
  status: string;
}

/** What a visitor thought of answers, by message. */
export type Reactions = Record<string, { reaction: string; reason: string }>;

export interface Conversation {
  state: "agent" | "waits" | "taken_over";
  asks_for_person: boolean;
  with: Author;
  is_writing: boolean;
  messages: Message[];
  reactions: Reactions;
}

/** What a page says of its signed-in customer. */
export interface Signed {
  customer: string;
  time: number;
  signature: string;
}

export class WidgetApi {
  readonly #root: string;
  readonly #kept: Kept;

  constructor(root: string, kept: Kept) {
    this.#root = root;
    this.#kept = kept;
  }

  async customerPass(signed: Signed): Promise<string> {
    const answer = await this.#post("customer/", signed);
    return ((await answer.json()) as { customer_pass: string }).customer_pass;
  }

  /** A visitor, their token, and a conversation; with the first message and not before. */
  async visit(customerPass: string | null): Promise<void> {
    const answer = await this.#post("visit/", customerPass ? { customer_pass: customerPass } : {});
    const begun = (await answer.json()) as { token: string; conversation_id: string };
    this.#kept.keep(begun.token, begun.conversation_id);
  }

  async another(): Promise<void> {
    const answer = await this.#post("conversations/", {});
    this.#kept.keep(this.#kept.token, ((await answer.json()) as { conversation_id: string }).conversation_id);
  }

  async bind(customerPass: string): Promise<void> {
    await this.#post(`${this.#here}customer/`, { customer_pass: customerPass });
  }

  async read(after: number): Promise<Conversation> {
    return (await (await this.#call(`${this.#here}?after=${after}`, {})).json()) as Conversation;
  }

  /** POST asks for a person of the team; DELETE does so no more, and the agent answers again. */
  async wantPerson(method: "POST" | "DELETE"): Promise<void> {
    await this.#call(`${this.#here}person/`, { method });
  }

  ask(message: string): Promise<Response> {
    return this.#post(`${this.#here}messages/`, { message });
  }

  react(message: string, init: RequestInit): Promise<Response> {
    return this.#call(`${this.#here}messages/${message}/react/`, init);
  }

  get #here(): string {
    return `conversations/${this.#kept.conversation}/`;
  }

  #post(path: string, body: object): Promise<Response> {
    return this.#call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  }

  async #call(path: string, init: RequestInit): Promise<Response> {
    const headers: Record<string, string> = { ...(init.headers as Record<string, string>) };
    if (this.#kept.token) headers["Authorization"] = `Visitor ${this.#kept.token}`;
    const response = await fetch(this.#root + path, { ...init, headers, credentials: "omit" });
    if (response.ok) return response;
    const body = (await response.json().catch(() => null)) as { error?: Failure } | null;
    throw new Refused(response.status, body?.error ?? { code: `http_${response.status}`, message: "" });
  }
}
