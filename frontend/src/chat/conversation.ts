import type { Answer } from "./answer.ts";
import { ChatApi, Refused, type Outgoing } from "./api.ts";
import { Composer } from "./composer.ts";
import { editQuestion } from "./edit.ts";
import { reasonOf, type Answerer, type Failure, type RunEvent } from "./events.ts";
import { ConnectionLost, RunFollower, type Connection } from "./follow.ts";
import { ChatLog } from "./log.ts";
import type { Order } from "./order.ts";
import { anchorAt, returnTo } from "./pager.ts";
import { part } from "./parts.ts";
import { Phrases } from "./phrases.ts";
import { ScrollFollower } from "./scroll.ts";
import { SendingOrder } from "./sending.ts";
import { SessionAddress } from "./session-address.ts";
import { WaitingLine, type WaitingMessage } from "./waiting.ts";

/** One chat page: sends what is written, shows the answer as it comes, and comes back to one that is under way. */
export class Conversation {
  readonly #root: HTMLElement;
  readonly #element: HTMLElement;
  readonly #log: ChatLog;
  readonly #composer: Composer;
  readonly #scroll: ScrollFollower;
  readonly #api: ChatApi;
  readonly #phrases = new Phrases();
  readonly #address: SessionAddress;
  readonly #line: WaitingLine;
  readonly #sending = new SendingOrder();
  /** What was asked for, of answers that may not have reached the server. */
  readonly #orders = new WeakMap<Element, Order>();
  #follower: RunFollower | null = null;
  #stopWanted = false;
  #shown: Promise<unknown> = Promise.resolve();

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#element = part(root, "[role=log]");
    this.#composer = new Composer(part(root, "form[data-composer]"));
    this.#scroll = new ScrollFollower(this.#element, part(root, "[data-to-latest]"));
    this.#log = new ChatLog(part(root, "[data-list]"), this.#scroll, root.dataset.tip ?? "");
    this.#api = new ChatApi(root.dataset.apiUrl ?? "");
    this.#address = new SessionAddress(root);
    this.#line = new WaitingLine(part(root, "[data-waiting]"));
    this.#listen();
    this.#scroll.toLatest();
  }

  /** Goes on with an answer that is under way, or asks what was handed over. */
  begin(question: string): void {
    this.#showNamedBranch();
    const { activeRun } = this.#root.dataset;
    if (activeRun) this.#resume(activeRun);
    else if (this.#line.length) this.#next();
    else if (question) void this.#ask(this.#message(question));
  }

  /** Asks now, or when it is its turn. */
  take(order: Order): void {
    // One that is on its way to the line is not to be overtaken, though nothing is written any more.
    const busy = this.#composer.busy || this.#line.length > 0;
    if (busy && this.#composer.refusesMore()) return order.refuse(this.#composer.refusal);
    void (busy ? this.#wait(order) : this.#ask(order));
  }

  /** Says something beside the composer. */
  say(problem: string): void {
    this.#composer.say(problem);
  }

  /** The same of a call that failed. */
  explain(error: unknown): void {
    this.say(this.reasonOf(error));
    this.#onlyRefusals(error);
  }

  /** What a person is told of a call that failed. */
  reasonOf(error: unknown): string {
    return reasonOf(this.#failureOf(error), this.#phrases.of("refused"));
  }

  #listen(): void {
    this.#composer.onSend = (text) => this.take(this.#message(text));
    this.#composer.onStop = () => this.#stop();
    this.#root.addEventListener("click", (event) => this.#clicked(event));
    document.addEventListener("keydown", (event) => {
      const elsewhere = document.querySelector("dialog[open], [popover]:popover-open");
      if (event.key === "Escape" && this.#composer.busy && !elsewhere) this.#stop();
    });
    window.addEventListener("popstate", () => void this.#goBack());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.catchUp();
    });
  }

  #clicked(event: MouseEvent): void {
    const target = event.target as Element;
    const on = (selector: string): HTMLElement | null => target.closest<HTMLElement>(selector);
    const article = on("article");
    const cancelled = this.#line.of(on("[data-cancel-waiting]")?.closest("li") ?? null);
    if (cancelled) return void this.#cancelWaiting(cancelled);
    const pager = on("[data-show-message]");
    if (this.#composer.busy) return pager ? event.preventDefault() : undefined;
    if (pager && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      void this.#showVersion(pager, pager.dataset.showMessage ?? "");
    }
    if (on("[data-starter]")) void this.#ask(this.#message(on("[data-starter]")?.dataset.starter ?? ""));
    if (article && on("[data-edit]")) editQuestion(article, (text) => void this.#askEdited(article, text));
    if (article && (on("[data-again]") || on("[data-retry]"))) void this.#askAgain(article);
    if (article?.dataset.message && on("[data-branch]")) void this.#branchFrom(article.dataset.message);
  }

  /** The page was left, or loaded anew, while an answer was being written. */
  #resume(runId: string): void {
    const follower = this.#newFollower(runId);
    void this.#run(this.#log.answerOf(runId), follower, () => this.#api.events(runId, ""));
  }

  #newFollower(runId = ""): RunFollower {
    return new RunFollower(this.#api, (state) => this.#connection(state), runId);
  }

  #message(text: string): Order {
    const refuse = (reason: string): void => this.#composer.refuse(text, reason);
    return { text, command: "", send: () => this.#api.send(this.#outgoing({ message: text })), refuse };
  }

  #ask(order: Order): Promise<void> {
    if (!order.text) return Promise.resolve();
    const question = this.#log.addQuestion(order.text, order.command);
    const undo = (failure: Failure): void => {
      this.#log.cutFrom(question);
      order.refuse(reasonOf(failure, this.#phrases.of("refused")));
    };
    const answer = this.#log.addAnswer(order.text);
    this.#orders.set(answer.element, order);
    return this.#send(answer, () => order.send(), undo);
  }

  /** A new branch begins beside the question; what came after it stays in the old one. */
  #askEdited(question: HTMLElement, text: string): Promise<void> {
    const edited = question.dataset.message;
    if (!edited) return Promise.resolve();
    this.#log.cutFrom(question);
    this.#log.addQuestion(text);
    return this.#sendBranch({ message: text, edit_of: edited }, text);
  }

  /** Another answer to the same question; one that never reached the server is asked once more. */
  #askAgain(answer: HTMLElement): Promise<void> {
    const asked = answer.previousElementSibling instanceof HTMLElement ? answer.previousElementSibling : null;
    const { question = "", agent } = answer.dataset;
    const message = asked?.dataset.message ?? answer.dataset.message;
    if (!message) {
      this.#log.cutFrom(asked);
      return this.#ask(this.#orders.get(answer) ?? this.#message(question));
    }
    this.#log.cutFrom(answer);
    const order = { regenerate_of: message };
    if (!agent || !asked || !("command" in asked.dataset)) return this.#sendBranch(order, question);
    // What a command wrote is for the agent that the command chose.
    const name = part(answer, "[data-agent-name]").textContent;
    return this.#sendBranch({ ...order, agent_id: agent }, question, { agent_id: agent, agent_name: name, why: "" });
  }

  #putBack(failure: Failure): void {
    this.#composer.say(reasonOf(failure, this.#phrases.of("refused")));
    void this.#redraw(this.#address.href);
  }

  #sendBranch(order: Partial<Outgoing>, question: string, answerer?: Answerer): Promise<void> {
    const send = async (): Promise<Response> => {
      const response = await this.#api.send(this.#outgoing(order));
      this.#address.forgetBranch();
      return response;
    };
    const answer = this.#log.addAnswer(question);
    answer.introduce(answerer);
    return this.#send(answer, send, (failure) => this.#putBack(failure));
  }

  #send(answer: Answer, send: () => Promise<Response>, undo: (failure: Failure) => void): Promise<void> {
    return this.#run(answer, this.#newFollower(), () => this.#shown.then(send), undo);
  }

  #outgoing(order: Partial<Outgoing>): Outgoing {
    const { agentId = "", sessionId } = this.#root.dataset;
    return { agent_id: agentId, ...(sessionId ? { session_id: sessionId } : {}), ...order };
  }

  async #run(
    answer: Answer,
    follower: RunFollower,
    first: () => Promise<Response>,
    undo: ((failure: Failure) => void) | null = null,
  ): Promise<void> {
    this.#begin(follower);
    // What is written meanwhile would overtake this message, and miss the session that it begins.
    const taken = this.#sending.hold();
    try {
      for await (const event of follower.follow(first)) {
        this.#show(answer, event);
        taken();
      }
    } catch (error) {
      this.#explain(answer, error, undo);
    } finally {
      taken();
      this.#end(follower);
    }
  }

  #begin(follower: RunFollower): void {
    this.#follower = follower;
    this.#stopWanted = false;
    this.#element.ariaBusy = "true";
    this.#composer.busy = true;
    this.#log.lock(true);
    if (this.#root.dataset.person !== "taken_over") this.#phrases.announce("answering");
    this.#scroll.toLatest();
  }

  #end(follower: RunFollower): void {
    this.#follower = null;
    this.#connection("open");
    if (follower.runId) void this.#adopt(follower.runId);
    if (this.#next()) return;
    this.#element.ariaBusy = "false";
    this.#composer.busy = false;
    this.#log.lock(false);
  }

  /** Goes on with the first message that waits, when there is one. */
  #next(): boolean {
    const message = this.#line.takeFirst();
    if (!message) return false;
    this.#log.addQuestion(message.text, message.command);
    const answer = this.#log.addAnswer(message.text);
    answer.introduce(message.answerer);
    answer.element.dataset.run = message.runId;
    void this.#run(answer, this.#newFollower(message.runId), () => this.#api.events(message.runId, ""));
    return true;
  }

  /** Sends a message that waits for its turn. Its events are read when the turn comes, so that no connection waits. */
  async #wait(order: Order): Promise<void> {
    const message = this.#line.add(order.text, order.command);
    const follower = this.#newFollower();
    try {
      const events = follower.follow(() => order.send());
      const { value: first } = await this.#sending.next(() => events.next());
      if (first?.type === "run.queued") message.answerer = first.data.command;
      message.take(follower.runId);
      await events.return(undefined);
      if (first?.type === "run.finished") {
        this.#line.remove(message);
        this.#log.leaveToPerson(this.#log.addQuestion(order.text, order.command), first.data);
      } else if (!this.#composer.busy) this.#next();
    } catch (error) {
      this.#line.remove(message);
      order.refuse(this.reasonOf(error));
      if (!(error instanceof Refused || error instanceof ConnectionLost)) throw error;
    }
  }

  async #cancelWaiting(message: WaitingMessage): Promise<void> {
    if (!message.runId) return;
    this.#line.remove(message);
    // What a command wrote was never in the composer.
    if (!message.command) this.#composer.giveBack(message.text);
    this.#phrases.announce("withdrawn");
    await this.#api.cancel(message.runId).catch((error: unknown) => {
      this.#composer.say(this.reasonOf(error));
    });
  }

  #show(answer: Answer, event: RunEvent): void {
    if (event.data.run_id) answer.element.dataset.run = event.data.run_id;
    if (event.type === "run.started" && this.#stopWanted) this.#stop();
    if (event.data.session_id) this.#address.nameSession(event.data.session_id);
    if (event.type === "run.started" && event.data.title) this.#address.title(event.data.title);
    if (event.type === "run.finished" && event.data.for_person) this.#log.leaveToPerson(answer.element, event.data);
    else answer.show(event);
    this.#phrases.announceEvent(event);
  }

  /** What was refused goes back to where it was written; all else is told in the answer's place. */
  #explain(answer: Answer, error: unknown, undo: ((failure: Failure) => void) | null): void {
    if (error instanceof Refused && undo && [400, 404, 409, 413].includes(error.status)) return undo(error.failure);
    answer.fail(this.#failureOf(error));
    if (!(error instanceof Refused || error instanceof ConnectionLost)) throw error;
  }

  #failureOf(error: unknown): Failure {
    if (!(error instanceof Refused)) return { code: "unreachable", message: this.#phrases.of("unreachable") };
    return { ...error.failure, message: error.failure.message || this.#phrases.of("refused") };
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

  /** An address that names a message shows its branch; from then on the chat goes on there. */
  #showNamedBranch(): void {
    const { sessionId, head, tip } = this.#root.dataset;
    if (!sessionId || !tip || tip === head) return;
    this.#shown = this.#api.show(sessionId, tip).catch((error: unknown) => this.#onlyRefusals(error));
  }

  async #showVersion(link: HTMLElement, messageId: string): Promise<void> {
    const { sessionId } = this.#root.dataset;
    if (!sessionId) return;
    const anchor = anchorAt(link);
    try {
      await this.#api.show(sessionId, messageId);
      this.#address.nameBranch(messageId, this.#log.tip);
      await this.#redraw(this.#address.href);
      const place = returnTo(anchor, messageId, this.#element, this.#log.element);
      this.#phrases.announce("version", place);
    } catch (error) {
      this.explain(error);
    }
  }

  /** Back, or forward, to another branch: from then on the chat goes on there. */
  async #goBack(): Promise<void> {
    const { sessionId } = this.#root.dataset;
    const messageId = new URL(location.href).searchParams.get("message");
    if (sessionId && messageId && !this.#follower) {
      await this.#api.show(sessionId, messageId).catch((error: unknown) => this.#onlyRefusals(error));
    }
    await this.#redraw(location.href);
  }

  async #branchFrom(messageId: string): Promise<void> {
    const { sessionId } = this.#root.dataset;
    if (!sessionId) return;
    try {
      const made = await this.#api.branch(sessionId, messageId);
      location.assign(`${location.pathname}?session=${made}`);
    } catch (error) {
      this.explain(error);
    }
  }

  /** Everything as the server has it now. */
  async #redraw(address: string): Promise<void> {
    try {
      const drawn = await this.#log.fetch(address);
      this.#log.replaceWith(drawn);
      this.#line.readDrawn(drawn.lines);
      if (this.#follower) return;
      if (drawn.activeRun) this.#resume(drawn.activeRun);
      else this.#next();
    } catch (error) {
      this.#onlyRefusals(error);
    }
  }

  async #adopt(runId: string): Promise<void> {
    try {
      this.#log.adopt(runId, await this.#log.fetch(this.#address.href));
    } catch (error) {
      this.#onlyRefusals(error);
    }
  }

  /** Somebody went on in another tab, on the phone, or as the person who answers. `head` is where it ends, if known. */
  async catchUp(head = ""): Promise<void> {
    if (this.#follower || !this.#root.dataset.sessionId || head === this.#log.tip) return;
    try {
      const drawn = await this.#log.fetch(this.#address.href);
      if (this.#follower || (drawn.tip === this.#log.tip && !drawn.activeRun)) return;
      if (drawn.activeRun || !this.#log.takeNew(drawn)) await this.#redraw(this.#address.href);
    } catch (error) {
      this.#onlyRefusals(error);
    }
  }

  #onlyRefusals(error: unknown): void {
    if (!(error instanceof Refused || error instanceof TypeError)) throw error;
  }

  #connection(state: Connection): void {
    const notice = part<HTMLElement>(this.#root, "[data-connection]");
    if (state === "lost") this.#phrases.announce("lost");
    else if (!notice.hidden) this.#phrases.announce("back");
    notice.hidden = state === "open";
  }
}
