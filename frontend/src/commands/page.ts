/** The page of one command: its form, the prompt that becomes of it, and the answer in its place. */
import { Answer } from "../chat/answer.ts";
import { callApi, ChatApi, Refused } from "../chat/api.ts";
import type { Failure, RunEvent } from "../chat/events.ts";
import { ConnectionLost, RunFollower } from "../chat/follow.ts";
import { part, setText } from "../chat/parts.ts";
import { refresh as refreshTimes } from "../shell/times.ts";
import { readParameters, showProblems, toFirstProblem, type Problems } from "./parameters.ts";
import { isEmpty, Preview, type Filled } from "./preview.ts";

interface Told {
  agent_id: string;
  agent_name: string;
  chosen_by: string;
  why: string;
}

/** Where the server says which agent answers a command, and what decided for it. */
interface OfCommand {
  command?: Told;
}

export class CommandPage {
  readonly #root: HTMLElement;
  readonly #form: HTMLFormElement;
  readonly #area: HTMLElement;
  readonly #log: HTMLElement;
  readonly #preview: Preview;
  readonly #url: string;
  readonly #api = new ChatApi("/api/v1/agentos/");
  readonly #phrases = JSON.parse(part(document, "#command-phrases").textContent) as Record<string, string>;
  /** Fields that somebody has been in: nobody is told of mistakes they had no chance to make. */
  readonly #touched = new Set<string>();
  #follower: RunFollower | null = null;
  #stopWanted = false;
  #told: Told | null = null;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#form = part(root, "form[data-command-form]");
    this.#area = part(root, "[data-answer-area]");
    this.#log = part(root, "[data-answers]");
    this.#url = `/api/v1/commands/${encodeURIComponent(root.dataset.command ?? "")}/`;
    this.#preview = new Preview(part(root, ".command-preview"), this.#form, `${this.#url}preview/`, () => this.#read(), this.#phrases);
    this.#preview.onProblems = (problems) => this.#showTouched(problems);
    this.#listen();
  }

  /** Shows the prompt, and goes on with an answer that is under way. */
  begin(): void {
    void this.#preview.now();
    const { liveRun, liveAgent = "", liveName = "" } = this.#root.dataset;
    if (!liveRun) return;
    this.#told = { agent_id: liveAgent, agent_name: liveName, chosen_by: "", why: "" };
    void this.#run(this.#newFollower(liveRun), () => this.#api.events(liveRun, ""));
  }

  #newFollower(runId = ""): RunFollower {
    return new RunFollower(this.#api, (state) => this.#connection(state === "lost"), runId);
  }

  #listen(): void {
    this.#form.addEventListener("input", (event) => this.#changed(event.target as Element));
    this.#form.addEventListener("change", (event) => this.#changed(event.target as Element));
    this.#form.addEventListener("focusout", (event) => this.#left(event.target as Element));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#root.querySelector("[data-stop]")?.addEventListener("click", () => this.#stop());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && this.#form.contains(event.target as Node)) this.#submit();
      if (event.key === "Escape" && this.#follower && !document.querySelector("dialog[open], [popover]:popover-open")) this.#stop();
    });
  }

  #changed(target: Element): void {
    if (target.id === "answering") return this.#explainChoice(target as HTMLSelectElement);
    if (target.closest("[data-parameter]")) this.#preview.soon();
  }

  #left(target: Element): void {
    const name = target.closest<HTMLElement>("[data-parameter]")?.dataset.parameter;
    if (!name) return;
    this.#touched.add(name);
    this.#preview.soon();
  }

  #explainChoice(select: HTMLSelectElement): void {
    setText(this.#form, "#answering-why", select.selectedOptions[0]?.dataset.why ?? "");
  }

  #read(): Filled {
    return readParameters(this.#form, this.#phrases.unreadable ?? "");
  }

  #showTouched(problems: Problems): void {
    const all = { ...this.#missing(), ...problems };
    showProblems(this.#form, Object.fromEntries(Object.entries(all).filter(([name]) => this.#touched.has(name))));
  }

  #missing(): Problems {
    const { values } = this.#read();
    const fields = [...this.#form.querySelectorAll<HTMLElement>("[data-parameter][data-required]")];
    const empty = fields.map((field) => field.dataset.parameter ?? "").filter((name) => isEmpty(values[name]));
    return Object.fromEntries(empty.map((name) => [name, [this.#phrases.required ?? ""]]));
  }

  #submit(): void {
    if (this.#follower || !this.#form.querySelector("[data-run]")) return;
    const { values, problems } = this.#read();
    const wrong = { ...this.#missing(), ...problems };
    this.#refuse("");
    showProblems(this.#form, wrong);
    if (Object.keys(wrong).length > 0) return this.#toProblems();
    const order = {
      parameters: values,
      new_session: part<HTMLInputElement>(this.#form, "[name=new_session]").checked,
      agent_id: part<HTMLSelectElement>(this.#form, "[name=agent_id]").value || null,
      stream: true,
    };
    this.#told = null;
    void this.#run(this.#newFollower(), () => this.#post(order));
  }

  #post(order: object): Promise<Response> {
    return callApi(`${this.#url}execute/`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify(order),
    });
  }

  async #run(follower: RunFollower, first: () => Promise<Response>): Promise<void> {
    const answer = new Answer(() => undefined);
    this.#begin(follower, answer);
    try {
      for await (const event of follower.follow(first)) this.#show(answer, event);
    } catch (error) {
      this.#explain(answer, error);
    } finally {
      this.#end(follower);
    }
  }

  #begin(follower: RunFollower, answer: Answer): void {
    this.#follower = follower;
    this.#stopWanted = false;
    this.#log.replaceChildren(answer.element);
    this.#log.ariaBusy = "true";
    this.#area.hidden = false;
    part<HTMLElement>(this.#area, "[data-after]").hidden = true;
    this.#setBusy(true);
    this.#announce("answering");
    this.#area.scrollIntoView({ block: "start" });
  }

  #end(follower: RunFollower): void {
    this.#follower = null;
    this.#log.ariaBusy = "false";
    this.#setBusy(false);
    this.#connection(false);
    if (follower.runId) void this.#redrawPast();
  }

  #setBusy(busy: boolean): void {
    const run = this.#form.querySelector<HTMLButtonElement>("[data-run]");
    const stop = this.#area.querySelector<HTMLButtonElement>("[data-stop]");
    if (!run || !stop) return;
    const hadFocus = document.activeElement === run || document.activeElement === stop;
    run.disabled = busy;
    stop.hidden = !busy;
    stop.ariaDisabled = "false";
    if (hadFocus) (busy ? stop : run).focus({ preventScroll: true });
  }

  #show(answer: Answer, event: RunEvent): void {
    if (event.type === "run.started" && this.#stopWanted) this.#stop();
    answer.show(event);
    this.#told = (event.data as OfCommand).command ?? this.#told;
    this.#introduce(answer);
    if (event.type === "approval.required") this.#announce("approval");
    if (event.type === "run.finished") this.#announce("finished");
    if (event.type === "run.cancelled") this.#announce("stopped");
    if (event.type === "run.failed" || event.type === "run.interrupted") this.#announce("failed");
    if (event.type === "run.started") this.#lead(event.data.run_id ?? "", event.data.session_id);
  }

  #introduce(answer: Answer): void {
    const told = this.#told;
    if (!told) return;
    const why = told.why || (this.#phrases[`why_${told.chosen_by}`] ?? "");
    setText(answer.element, "[data-agent-name]", told.agent_name);
    setText(answer.element, "[data-why]", why);
    part<HTMLElement>(answer.element, "[data-why]").hidden = !why;
  }

  /** The ways on from an answer: to its chat, if it is in one, and to its own page. */
  #lead(runId: string, sessionId: string | null): void {
    const agentId = this.#told?.agent_id ?? "";
    const chat = part<HTMLAnchorElement>(this.#area, "[data-continue]");
    chat.hidden = !sessionId || !agentId;
    if (sessionId) chat.href = (this.#phrases.chat ?? "").replace("AGENT", agentId).replace("SESSION", sessionId);
    part<HTMLAnchorElement>(this.#area, "[data-run-page]").href = (this.#phrases.run ?? "").replace(/0{8}-0{4}-0{4}-0{4}-0{12}/, runId);
    part<HTMLElement>(this.#area, "[data-after]").hidden = false;
  }

  /** What was refused is told where it was written; all else in the answer's place. */
  #explain(answer: Answer, error: unknown): void {
    if (error instanceof Refused && [400, 403, 404, 409, 413, 429].includes(error.status)) {
      this.#area.hidden = true;
      const left = showProblems(this.#form, error.failure.fields ?? {});
      this.#refuse(left.join(" ") || (error.failure.fields ? "" : error.failure.message || (this.#phrases.refused ?? "")));
      return this.#toProblems();
    }
    answer.fail(this.#failureOf(error));
    if (!(error instanceof Refused || error instanceof ConnectionLost)) throw error;
  }

  #failureOf(error: unknown): Failure {
    if (!(error instanceof Refused)) return { code: "unreachable", message: this.#phrases.unreachable ?? "" };
    return { ...error.failure, message: error.failure.message || (this.#phrases.refused ?? "") };
  }

  #refuse(text: string): void {
    setText(this.#form, "[data-refusal-text]", text);
    part<HTMLElement>(this.#form, "[data-refusal]").hidden = !text;
  }

  #toProblems(): void {
    for (const field of this.#form.querySelectorAll<HTMLElement>("[data-parameter]")) this.#touched.add(field.dataset.parameter ?? "");
    toFirstProblem(this.#form);
  }

  #stop(): void {
    this.#stopWanted = true;
    const button = this.#area.querySelector<HTMLButtonElement>("[data-stop]");
    // Not disabled: that would take the cursor away from it.
    if (button) button.ariaDisabled = "true";
    const runId = this.#follower?.runId;
    // A run that has no name yet is stopped as soon as it has one.
    if (!runId) return;
    this.#api.cancel(runId).catch((error: unknown) => {
      if (button) button.ariaDisabled = "false";
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    });
  }

  async #redrawPast(): Promise<void> {
    try {
      const response = await callApi(`${location.pathname}?part=past`, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const past = part<HTMLElement>(this.#root, "#past");
      if (page.querySelector("#history-of-command")) past.replaceChildren(...page.body.childNodes);
      refreshTimes();
    } catch (error) {
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    }
  }

  #connection(isLost: boolean): void {
    part<HTMLElement>(this.#area, "[data-connection]").hidden = !isLost;
  }

  #announce(phrase: string): void {
    setText(document, "[data-announcer]", this.#phrases[phrase] ?? "");
  }
}
