import { Answer } from "./answer.ts";
import { ChatApi, Refused } from "./api.ts";
import { Composer } from "./composer.ts";
import type { Failure, RunEvent } from "./events.ts";
import { ConnectionLost, RunFollower, type Connection } from "./follow.ts";
import { fromTemplate, part, setText } from "./parts.ts";
import { ScrollFollower } from "./scroll.ts";

type Phrase = "answering" | "finished" | "stopped" | "failed" | "unreachable" | "refused" | "lost" | "back";

/** One chat page: sends what is written, shows the answer as it comes, and comes back to one that is under way. */
export class Conversation {
  readonly #root: HTMLElement;
  readonly #log: HTMLElement;
  readonly #list: HTMLElement;
  readonly #composer: Composer;
  readonly #scroll: ScrollFollower;
  readonly #api: ChatApi;
  readonly #phrases: Record<Phrase, string>;
  #follower: RunFollower | null = null;
  #stopWanted = false;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#log = part(root, "[role=log]");
    this.#list = part(root, "[data-list]");
    this.#composer = new Composer(part(root, "form[data-composer]"));
    this.#scroll = new ScrollFollower(this.#log, part(root, "[data-to-latest]"));
    this.#api = new ChatApi(root.dataset.sendUrl ?? "", root.dataset.runsUrl ?? "");
    this.#phrases = JSON.parse(part(document, "#chat-phrases").textContent) as Record<Phrase, string>;
    this.#listen();
    this.#scroll.toLatest();
  }

  /** Goes on with an answer that is under way, or asks what was handed over. */
  begin(question: string): void {
    if (this.#root.dataset.activeRun) this.#resume(this.#root.dataset.activeRun);
    else void this.#ask(question);
  }

  #listen(): void {
    this.#composer.onSend = (text) => void this.#ask(text);
    this.#composer.onStop = () => this.#stop();
    this.#root.addEventListener("click", (event) => {
      const target = event.target as Element;
      const starter = target.closest<HTMLElement>("[data-starter]");
      if (starter) void this.#ask(starter.dataset.starter ?? "");
      const retry = target.closest<HTMLElement>("[data-retry]");
      if (retry) this.#retry(retry);
    });
    document.addEventListener("keydown", (event) => {
      const elsewhere = document.querySelector("dialog[open], [popover]:popover-open");
      if (event.key === "Escape" && this.#composer.busy && !elsewhere) this.#stop();
    });
  }

  /** The page was left, or loaded anew, while an answer was being written. */
  #resume(runId: string): void {
    const element = this.#list.querySelector<HTMLElement>(`article[data-run="${CSS.escape(runId)}"]`);
    const answer = element ? new Answer(() => this.#scroll.grew(), element) : this.#addAnswer();
    void this.#run(answer, "", new RunFollower(this.#api, (state) => this.#connection(state), runId), () => this.#api.events(runId, ""));
  }

  async #ask(text: string): Promise<void> {
    if (this.#composer.busy || !text) return;
    part<HTMLElement>(this.#root, "[data-empty]").hidden = true;
    this.#addQuestion(text);
    const answer = this.#addAnswer();
    answer.element.dataset.question = text;
    const { agentId = "", sessionId } = this.#root.dataset;
    const message = { agent_id: agentId, message: text, ...(sessionId ? { session_id: sessionId } : {}) };
    const follower = new RunFollower(this.#api, (state) => this.#connection(state));
    await this.#run(answer, text, follower, () => this.#api.send(message));
  }

  async #run(answer: Answer, text: string, follower: RunFollower, first: () => Promise<Response>): Promise<void> {
    this.#begin(follower);
    try {
      for await (const event of follower.follow(first)) this.#show(answer, event);
    } catch (error) {
      this.#explain(answer, text, error);
    } finally {
      this.#end();
    }
  }

  #begin(follower: RunFollower): void {
    this.#follower = follower;
    this.#stopWanted = false;
    this.#log.ariaBusy = "true";
    this.#composer.busy = true;
    this.#announce("answering");
    this.#scroll.toLatest();
  }

  #end(): void {
    this.#follower = null;
    this.#log.ariaBusy = "false";
    this.#composer.busy = false;
    this.#connection("open");
  }

  #show(answer: Answer, event: RunEvent): void {
    if (event.type === "run.started" && this.#stopWanted) this.#stop();
    if (event.data.session_id) this.#nameSession(event.data.session_id);
    if (event.type === "run.started" && event.data.title) this.#title(event.data.title);
    answer.show(event);
    if (event.type === "run.finished") this.#announce("finished");
    if (event.type === "run.cancelled") this.#announce("stopped");
    if (event.type === "run.failed" || event.type === "run.interrupted") this.#announce("failed");
  }

  /** A message that was refused goes back to where it was written; all else is told in the answer's place. */
  #explain(answer: Answer, text: string, error: unknown): void {
    if (error instanceof Refused && text && [400, 413].includes(error.status)) {
      answer.element.previousElementSibling?.remove();
      answer.element.remove();
      this.#composer.refuse(text, reasonOf(error.failure, this.#phrases.refused));
      return;
    }
    answer.fail(this.#failureOf(error));
    if (!(error instanceof Refused || error instanceof ConnectionLost)) throw error;
  }

  #failureOf(error: unknown): Failure {
    if (error instanceof Refused) return { ...error.failure, message: error.failure.message || this.#phrases.refused };
    return { code: "unreachable", message: this.#phrases.unreachable };
  }

  #stop(): void {
    this.#stopWanted = true;
    this.#composer.stopping();
    const runId = this.#follower?.runId;
    // A run that has no name yet is stopped as soon as it has one.
    if (runId) this.#api.cancel(runId).catch((error: unknown) => this.#notStopped(error));
  }

  #notStopped(error: unknown): void {
    if (this.#composer.busy) this.#composer.busy = true;
    if (!(error instanceof Refused || error instanceof TypeError)) throw error;
  }

  #retry(button: HTMLElement): void {
    const answer = button.closest<HTMLElement>("article");
    const text = answer?.dataset.question;
    if (!answer || !text || this.#composer.busy) return;
    part<HTMLElement>(answer, "[data-failure]").hidden = true;
    void this.#ask(text);
  }

  #addQuestion(text: string): void {
    const question = fromTemplate<HTMLElement>("question-template");
    setText(question, "[data-text]", text);
    this.#list.append(question);
  }

  #addAnswer(): Answer {
    const answer = new Answer(() => this.#scroll.grew());
    this.#list.append(answer.element);
    return answer;
  }

  /** From the first answer on, the address is the session's: reloading and sharing lead back to it. */
  #nameSession(id: string): void {
    if (this.#root.dataset.sessionId === id) return;
    this.#root.dataset.sessionId = id;
    history.replaceState(history.state, "", `${location.pathname}?session=${encodeURIComponent(id)}`);
    for (const link of this.#root.querySelectorAll<HTMLAnchorElement>("a[data-session-href]")) {
      link.href = (link.dataset.sessionHref ?? "").replace("SESSION", id);
      link.hidden = false;
    }
    part<HTMLInputElement>(this.#root, "#history-session").value = id;
    document.body.dispatchEvent(new CustomEvent("opie:session-created"));
  }

  #title(title: string): void {
    setText(this.#root, "[data-title]", title);
    document.title = `${title} · Opie`;
  }

  #connection(state: Connection): void {
    const notice = part<HTMLElement>(this.#root, "[data-connection]");
    if (state === "lost") this.#announce("lost");
    else if (!notice.hidden) this.#announce("back");
    notice.hidden = state === "open";
  }

  #announce(phrase: Phrase): void {
    setText(document, "[data-announcer]", this.#phrases[phrase]);
  }
}

function reasonOf(failure: Failure, otherwise: string): string {
  const fields = Object.values(failure.fields ?? {}).flat();
  return fields.join(" ") || failure.message || otherwise;
}
