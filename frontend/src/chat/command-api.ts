/** The calls of the REST API that commands in a chat make. */
import { callApi } from "./api.ts";

/** A command as far as a menu has to know it. */
export interface Command {
  address: string;
  name: string;
  description: string;
  status: string;
  parameters: unknown[];
  recommended_agent: string | null;
  required_capabilities: string[];
  is_favourite: boolean;
}

/** Where a command runs, with which values, and who answers where the command does not say. */
export interface Execution {
  parameters: Record<string, unknown>;
  session_id?: string;
  new_session?: boolean;
  agent_id?: string;
}

const MOST = 12;

export class CommandApi {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The commands that fit the words, best first; without words the favourites, then those that are used most. */
  async find(words: string, signal: AbortSignal): Promise<Command[]> {
    if (words) return runnable(await this.#list({ search: words }, signal));
    const [favourites, others] = await Promise.all([
      this.#list({ favourite: "true", ordering: "-uses" }, signal),
      this.#list({ ordering: "-uses" }, signal),
    ]);
    const known = new Set(favourites.map((command) => command.address));
    return runnable([...favourites, ...others.filter((command) => !known.has(command.address))]);
  }

  previewUrl(address: string): string {
    return `${this.#root}${encodeURIComponent(address)}/preview/`;
  }

  /** The prompt that a command makes of these values. */
  async preview(address: string, parameters: Record<string, unknown>): Promise<string> {
    const response = await this.#post(this.previewUrl(address), { parameters });
    return ((await response.json()) as { prompt: string }).prompt;
  }

  execute(address: string, execution: Execution): Promise<Response> {
    const url = `${this.#root}${encodeURIComponent(address)}/execute/`;
    return this.#post(url, { ...execution, stream: true }, "text/event-stream");
  }

  /** The form of a command, as the server draws it. */
  async fields(address: string): Promise<Node[]> {
    const response = await callApi(`/agentos/commands/${encodeURIComponent(address)}/fields/`, { headers: { Accept: "text/html" } });
    const drawn = new DOMParser().parseFromString(await response.text(), "text/html");
    return [...drawn.body.childNodes].map((node) => document.adoptNode(node));
  }

  async #list(query: Record<string, string>, signal: AbortSignal): Promise<Command[]> {
    const url = `${this.#root}?${new URLSearchParams({ ...query, page_size: String(MOST) }).toString()}`;
    const response = await callApi(url, { headers: { Accept: "application/json" }, signal });
    return ((await response.json()) as { results: Command[] }).results;
  }

  #post(url: string, body: object, accept = "application/json"): Promise<Response> {
    return callApi(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: accept },
      body: JSON.stringify(body),
    });
  }
}

function runnable(commands: Command[]): Command[] {
  return commands.filter((command) => command.status !== "withdrawn").slice(0, MOST);
}
