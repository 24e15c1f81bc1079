import { fetchCard } from "../approvals/decide.ts";
import { duration, money, tokens } from "../format.ts";
import { MarkdownStream } from "../markdown/stream.ts";
import { showCitations } from "./citations.ts";
import type { Answerer, Failure, Finished, RunEvent } from "./events.ts";
import { refresh as refreshTimes } from "../shell/times.ts";
import { Refused } from "./api.ts";
import { fromTemplate, part, setText } from "./parts.ts";
import { Reasoning } from "./reasoning.ts";
import { ToolCard } from "./tool-card.ts";

/** One answer while it is being written: thoughts, tool calls and text, in the order they come. */
export class Answer {
  readonly element: HTMLElement;
  readonly #parts: HTMLElement;
  readonly #grew: () => void;
  readonly #texts: MarkdownStream[] = [];
  readonly #tools = new Map<string, ToolCard>();
  readonly #approvals = new Map<string, HTMLElement>();
  #asked = false;
  #text: MarkdownStream | null = null;
  #reasoning: Reasoning | null = null;

  constructor(grew: () => void, element = fromTemplate<HTMLElement>("answer-template")) {
    this.element = element;
    this.#grew = grew;
    this.#parts = part(element, "[data-parts]");
    // Cards that the server drew are kept: somebody may be writing in one.
    for (const card of this.#parts.querySelectorAll<HTMLElement>("[data-approval]")) {
      this.#approvals.set(card.dataset.approval ?? "", card);
    }
    this.#parts.replaceChildren(...this.#approvals.values());
    if (element.dataset.status !== "waiting") element.dataset.status = "pending";
  }

  /** What was written so far, as it was written. */
  get source(): string {
    return this.#texts.map((text) => text.source).join("\n\n");
  }

  show(event: RunEvent): void {
    const was = this.element.dataset.status;
    this.element.dataset.status = statusAt(event);
    if (event.type === "approval.required") this.#asked = true;
    else if (was === "waiting" && this.#asked) this.#recheckApprovals();
    switch (event.type) {
      case "approval.required":
        return this.#askFor(event.data.approval_id);
      case "message.delta":
        return this.#write(event.data.text);
      case "reasoning.delta":
        return this.#think(event.data.text);
      case "output.invalid":
        return this.#refuse(event.data.text);
      case "tool.started":
        return this.#startTool(event.data.tool_call_id, event.data.name, event.data.arguments);
      case "tool.finished":
        return this.#finishTool(event.data);
      case "run.finished":
        return this.#finish(event.data);
      case "run.failed":
        return this.fail(event.data.error);
      case "run.cancelled":
        return this.#end("cancelled");
      case "run.interrupted":
        return this.#end("interrupted");
      case "run.retrying":
        return this.#beginAgain();
      case "run.started":
        return this.introduce(event.data.dispatched ?? event.data.command);
      case "run.queued":
        return this.introduce(event.data.command);
    }
  }

  fail(failure: Failure): void {
    this.#end("failed");
    const box = part<HTMLElement>(this.element, "[data-failure]");
    if (failure.message) setText(box, "[data-message-text]", failure.message);
    if (failure.request_id) setText(box, "[data-request-id]", failure.request_id);
    part<HTMLElement>(box, "[data-request]").hidden = !failure.request_id;
    // An alert is spoken when it appears, so it appears with its words in place.
    box.hidden = false;
    this.#grew();
  }

  /** Says who answers, where that is not whoever the chat is with, and why. */
  introduce(chosen?: Answerer): void {
    if (!chosen) return;
    this.element.dataset.agent = chosen.agent_id;
    setText(this.element, "[data-agent-name]", chosen.agent_name);
    setText(this.element, "[data-why]", chosen.why);
    part<HTMLElement>(this.element, "[data-why]").hidden = !chosen.why;
    this.#grew();
  }

  /** What was said last does not have the shape it must have, and is said again: only `stands` does count. */
  #refuse(stands: string): void {
    this.#closeText();
    while (this.#texts.length > 0 && !sameText(this.source, stands)) this.#texts.pop()?.element.remove();
    this.#grew();
  }

  /** What an attempt said that failed does not count. */
  #beginAgain(): void {
    this.#closeText();
    this.#reasoning?.finish();
    this.#reasoning = null;
    this.#texts.splice(0);
    this.#tools.clear();
    this.#parts.replaceChildren();
  }

  #write(text: string): void {
    this.#reasoning?.finish();
    this.#reasoning = null;
    this.#text ??= this.#newText();
    this.#text.append(text);
  }

  #newText(): MarkdownStream {
    const element = document.createElement("div");
    element.className = "markdown";
    element.dir = "auto";
    this.#parts.append(element);
    const text = new MarkdownStream(element, this.#grew);
    this.#texts.push(text);
    return text;
  }

  #think(text: string): void {
    this.#closeText();
    if (!this.#reasoning) {
      this.#reasoning = new Reasoning();
      this.#parts.append(this.#reasoning.element);
    }
    this.#reasoning.append(text);
    this.#grew();
  }

  #startTool(id: string, name: string, args: unknown): void {
    this.#closeText();
    this.#reasoning?.finish();
    this.#reasoning = null;
    const card = new ToolCard(name, args);
    this.#tools.set(id, card);
    this.#parts.append(card.element);
    this.#grew();
  }

  #finishTool(data: { tool_call_id: string; name: string; result: unknown; failed: boolean; duration_ms: number | null }): void {
    if (!this.#tools.has(data.tool_call_id)) this.#startTool(data.tool_call_id, data.name, {});
    this.#tools.get(data.tool_call_id)?.finish(data.result, data.failed, data.duration_ms);
    this.#grew();
  }

  /** The card stands where it was asked for, at once when the server drew it with the page. */
  #askFor(id: string): void {
    this.#closeText();
    this.#reasoning?.finish();
    this.#reasoning = null;
    const known = this.#approvals.get(id);
    const place = known?.isConnected ? known : document.createElement("div");
    this.#parts.append(place);
    if (!known) void this.#draw(id, place);
    this.#grew();
  }

  /** The answer goes on: whoever decided may have done it elsewhere. */
  #recheckApprovals(): void {
    for (const card of this.#parts.querySelectorAll<HTMLElement>("[data-approval][data-state=pending]")) {
      void this.#draw(card.dataset.approval ?? "", card);
    }
  }

  async #draw(id: string, place: HTMLElement): Promise<void> {
    try {
      const card = await fetchCard(id);
      this.#approvals.set(id, card);
      place.replaceWith(card);
      refreshTimes();
      this.#grew();
    } catch (error) {
      if (!(error instanceof Refused || error instanceof TypeError)) throw error;
      if (place.dataset.approval) return;
      const link = document.createElement("a");
      link.href = link.textContent = `/agentos/approvals/${id}/`;
      place.replaceChildren(link);
    }
  }

  #finish(result: Finished): void {
    if (result.content && !sameText(result.content, this.source)) this.#replaceTexts(result.content);
    this.#end("completed");
    setText(this.element, "[data-model]", [result.platform, result.model].filter(Boolean).join(" · "));
    this.#showFigures(result);
    showCitations(this.element, result.citations ?? []);
  }

  /** The stored answer is the truth: what the stream did not bring is taken from it. */
  #replaceTexts(content: string): void {
    this.#closeText();
    for (const text of this.#texts.splice(0)) text.element.remove();
    this.#newText().finish(content);
  }

  #end(status: string): void {
    this.#closeText();
    this.#reasoning?.finish();
    for (const card of this.#tools.values()) card.abandon();
    this.element.dataset.status = status;
    part<HTMLTemplateElement>(this.element, "template[data-source]").content.replaceChildren(this.source);
    part<HTMLElement>(this.element, "[data-copy=message]").hidden = !this.source;
    part<HTMLElement>(this.element, "[data-footer]").hidden = false;
    this.#grew();
  }

  #showFigures(result: Finished): void {
    const place = part<HTMLElement>(this.element, "[data-figures]");
    const { tokensText = "", unknownCost = "" } = place.dataset;
    const shown = [
      result.usage?.total_tokens != null ? tokensText.replace("COUNT", tokens(result.usage.total_tokens)) : "",
      result.cost != null ? money(result.cost, result.currency) : unknownCost,
      result.duration_ms != null ? duration(result.duration_ms) : "",
    ];
    place.textContent = shown.filter(Boolean).join(" · ");
  }

  #closeText(): void {
    this.#text?.finish();
    this.#text = null;
  }
}

function statusAt(event: RunEvent): string {
  if (event.type === "run.queued") return "queued";
  if (event.type === "run.retrying") return "pending";
  return event.type === "approval.required" ? "waiting" : "running";
}

function sameText(one: string, other: string): boolean {
  return one.replace(/\s+/g, "") === other.replace(/\s+/g, "");
}
