/** The calls of the REST API that a chat makes. */
import { csrfToken } from "../shell/csrf.ts";
import type { Failure } from "./events.ts";

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

export interface Outgoing {
  agent_id: string;
  message: string;
  session_id?: string;
}

export class ChatApi {
  readonly #sendUrl: string;
  readonly #runsUrl: string;

  constructor(sendUrl: string, runsUrl: string) {
    this.#sendUrl = sendUrl;
    this.#runsUrl = runsUrl;
  }

  send(message: Outgoing): Promise<Response> {
    return this.#call(this.#sendUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify({ ...message, stream: true }),
    });
  }

  /** The run's events after the one named; all of them without a name. */
  events(runId: string, after: string): Promise<Response> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (after) headers["Last-Event-ID"] = after;
    return this.#call(`${this.#runsUrl}${runId}/events/`, { headers });
  }

  cancel(runId: string): Promise<Response> {
    return this.#call(`${this.#runsUrl}${runId}/cancel/`, { method: "POST" });
  }

  async #call(url: string, init: RequestInit): Promise<Response> {
    const headers = { ...init.headers, "X-CSRFToken": csrfToken() };
    const response = await fetch(url, { ...init, headers, credentials: "same-origin" });
    if (!response.ok) throw new Refused(response.status, await failureOf(response));
    return response;
  }
}

async function failureOf(response: Response): Promise<Failure> {
  const body: unknown = await response.json().catch(() => null);
  if (body && typeof body === "object" && "error" in body) return body.error as Failure;
  return { code: `http_${response.status}`, message: "", request_id: response.headers.get("X-Request-ID") ?? "" };
}
