/** One server-sent event as it came over the wire. */
export interface Frame {
  id: string;
  event: string;
  data: string;
}

/** Takes the text of a stream in pieces of any size and gives the frames that are complete. Comments are passed over. */
export class FrameParser {
  #rest = "";
  #id = "";
  #event = "";
  #data: string[] = [];

  push(text: string): Frame[] {
    const frames: Frame[] = [];
    this.#rest += text;
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.#rest);
      if (!end) return frames;
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      const frame = this.#take(line);
      if (frame) frames.push(frame);
    }
  }

  #take(line: string): Frame | null {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.#id = value;
    else if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    return null;
  }

  #dispatch(): Frame | null {
    const data = this.#data.join("\n");
    const frame = { id: this.#id, event: this.#event || "message", data };
    const complete = this.#data.length > 0;
    this.#event = "";
    this.#data = [];
    return complete ? frame : null;
  }
}

/** Nothing came for too long, not even a heartbeat. */
export class SilentStream extends Error {}

/** Reads frames from a body until it ends. Raises SilentStream when nothing comes for `patience` milliseconds. */
export async function* readFrames(body: ReadableStream<Uint8Array>, patience: number): AsyncGenerator<Frame> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new FrameParser();
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), patience);
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

function within<T>(promise: Promise<T>, patience: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new SilentStream()), patience);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
