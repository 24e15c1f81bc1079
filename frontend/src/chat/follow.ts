import { Refused, type ChatApi } from "./api.ts";
import { pause, waitBefore } from "./backoff.ts";
import { eventOf, isLast, type RunEvent } from "./events.ts";
import { readFrames, SilentStream, type Frame } from "./frames.ts";

/** Longer than two heartbeats. */
const PATIENCE = 45_000;
/** Connections in a row that were opened and then said nothing: there is no more to come. */
const MOST_EMPTY = 4;

export type Connection = "open" | "lost";

/** The run cannot be found again: the connection broke before it had a name, or nothing more is said about it. */
export class ConnectionLost extends Error {}

/**
 * The events of one run, to the last one. The run does not belong to the connection: when that breaks, the events are
 * read on from where they were left, for as long as it takes.
 *
 * Raises Refused when the server will not answer, ConnectionLost when it was never reached.
 */
export class RunFollower {
  readonly #api: ChatApi;
  readonly #onConnection: (state: Connection) => void;
  #runId: string;
  #lastId = "";
  #attempt = 0;
  #empty = 0;

  constructor(api: ChatApi, onConnection: (state: Connection) => void, runId = "") {
    this.#api = api;
    this.#onConnection = onConnection;
    this.#runId = runId;
  }

  get runId(): string {
    return this.#runId;
  }

  async *follow(first: () => Promise<Response>): AsyncGenerator<RunEvent> {
    let response = await first().catch((error: unknown) => this.#giveUpOn(error));
    for (;;) {
      if (++this.#empty > MOST_EMPTY) throw new ConnectionLost();
      for await (const frame of this.#frames(response)) {
        const event = this.#note(frame);
        if (!event) continue;
        yield event;
        if (isLast(event)) return;
      }
      response = await this.#reconnect();
    }
  }

  #note(frame: Frame): RunEvent | null {
    this.#attempt = this.#empty = 0;
    this.#lastId = frame.id;
    const event = eventOf(frame);
    if (event?.data.run_id) this.#runId = event.data.run_id;
    return event;
  }

  /** Frames until the connection ends, whichever way it does. */
  async *#frames(response: Response): AsyncGenerator<Frame> {
    if (!response.body) return;
    try {
      yield* readFrames(response.body, PATIENCE);
    } catch (error) {
      if (!isBroken(error)) throw error;
    }
  }

  #giveUpOn(error: unknown): Promise<Response> {
    if (isBroken(error)) return this.#reconnect();
    throw error;
  }

  async #reconnect(): Promise<Response> {
    if (!this.#runId) throw new ConnectionLost();
    this.#onConnection("lost");
    for (;;) {
      await pause(waitBefore(this.#attempt++));
      try {
        const response = await this.#api.events(this.#runId, this.#lastId);
        this.#onConnection("open");
        return response;
      } catch (error) {
        if (!isBroken(error) && !isPassing(error)) throw error;
      }
    }
  }
}

/** fetch and its streams say TypeError when the network fails. */
function isBroken(error: unknown): boolean {
  return error instanceof TypeError || error instanceof SilentStream || (error instanceof DOMException && error.name === "AbortError");
}

function isPassing(error: unknown): boolean {
  return error instanceof Refused && (error.status >= 500 || error.status === 429);
}
