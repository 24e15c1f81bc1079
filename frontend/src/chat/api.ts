/** The calls of the REST API that a chat makes. */
import { csrfToken } from "../shell/csrf.ts";
import type { Failure, Person } from "./events.ts";

/** The server answered, and the answer is no. */
export class Refused extends Error {
  readonly status: number;
  readonly failure: Failure;

  constructor(status: number, failure: Failure) {
    super(failure.message);
    this.status = status;
    this.failure = failure;
  }
}

/** A message to an agent. `edit_of` and `regenerate_of` name a message in whose place a branch begins. */
export interface Outgoing {
  agent_id: string;
  session_id?: string;
  message?: string;
  edit_of?: string;
  regenerate_of?: string;
}

export class ChatApi {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  send(message: Outgoing): Promise<Response> {
    return this.#post("send-message/", { ...message, stream: true }, "text/event-stream");
  }

  /** The run's events after the one named; all of them without a name. */
  events(runId: string, after: string): Promise<Response> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (after) headers["Last-Event-ID"] = after;
    return callApi(`${this.#root}runs/${runId}/events/`, { headers });
  }

  cancel(runId: string): Promise<Response> {
    return callApi(`${this.#root}runs/${runId}/cancel/`, { method: "POST" });
  }

  /** Shows the newest branch through a message, and goes on from there. */
  show(sessionId: string, messageId: string): Promise<Response> {
    return callApi(`${this.#root}sessions/${sessionId}/`, {
      method: "PATCH",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ head: messageId }),
    });
  }

  /** A new session with everything up to a message; answers its id. */
  async branch(sessionId: string, messageId: string): Promise<string> {
    const response = await this.#post(`sessions/${sessionId}/branch/`, { message_id: messageId });
    return ((await response.json()) as { session_id: string }).session_id;
  }

  /** How the chat stands: the last message of the branch that is shown, and whether a person is asked for or answers. */
  async standing(sessionId: string): Promise<{ head: string | null; person: Person }> {
    const response = await callApi(`${this.#root}sessions/${sessionId}/`, {});
    return (await response.json()) as { head: string | null; person: Person };
  }

  /** A person of the team is to answer, or (`DELETE`) is not. */
  async wantPerson(sessionId: string, method: "POST" | "DELETE"): Promise<Person> {
    const response = await callApi(`${this.#root}sessions/${sessionId}/person/`, { method });
    return ((await response.json()) as { person: Person }).person;
  }

  #post(path: string, body: object, accept = "application/json"): Promise<Response> {
    return callApi(this.#root + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: accept },
      body: JSON.stringify(body),
    });
  }
}

/** Asks our own server, as whoever is signed in. Raises Refused, and TypeError when the network fails. */
export async function callApi(url: string, init: RequestInit): Promise<Response> {
  const headers = { ...(init.headers as Record<string, string>), "X-CSRFToken": csrfToken() };
  const response = await fetch(url, { ...init, headers, credentials: "same-origin" });
  if (!response.ok) throw new Refused(response.status, await failureOf(response));
  return response;
}

async function failureOf(response: Response): Promise<Failure> {
  const body: unknown = await response.json().catch(() => null);
  if (body && typeof body === "object" && "error" in body) return body.error as Failure;
  return { code: `http_${response.status}`, message: "", request_id: response.headers.get("X-Request-ID") ?? "" };
}
