/** What a run says while it runs: the shapes of the REST API's events. */
import type { Frame } from "./frames.ts";

export interface Failure {
  code: string;
  message: string;
  fields?: Record<string, string[]>;
  request_id?: string;
}

/** Where a part of an answer comes from: a passage of a knowledge base by its number, or an address. */
export interface Citation {
  number?: number;
  is_named?: boolean;
  title: string;
  chunk_id?: string;
  url?: string;
}

/** Who answers, and why in a sentence. */
export interface Answerer {
  agent_id: string;
  agent_name: string;
  why: string;
}

/** Whom the dispatcher chose, where nobody was named. */
export interface Dispatched extends Answerer {
  decision_id: string | null;
}

/** The command that a run is of, who answers it and why. */
export interface OfCommand extends Answerer {
  address: string;
  name: string;
  chosen_by: string;
}

/** Whether somebody of the team is asked for in the chat, or answers in it, and who. */
export interface Person {
  state: "agent" | "waits" | "taken_over";
  name: string;
}

export interface Finished {
  agent_id: string;
  content: string;
  status: string;
  platform: string | null;
  model: string | null;
  usage: { input_tokens: number | null; output_tokens: number | null; total_tokens: number | null } | null;
  cost: string | null;
  currency: string;
  duration_ms: number | null;
  citations?: Citation[];
  /** There was no run: the message is left to this person. */
  for_person?: boolean;
  person?: Person;
}

interface Common {
  /** Null for what is left to a person. */
  run_id: string | null;
  session_id: string | null;
}

interface Bodies {
  "run.queued": { position: number; command?: OfCommand };
  "run.retrying": object;
  "run.started": { title?: string; dispatched?: Dispatched; command?: OfCommand };
  "message.delta": { text: string };
  "reasoning.delta": { text: string };
  "output.invalid": { text: string };
  "tool.started": { tool_call_id: string; name: string; arguments: unknown };
  "tool.finished": { tool_call_id: string; name: string; result: unknown; failed: boolean; duration_ms: number | null };
  "approval.required": { approval_id: string };
  "run.finished": Finished;
  "run.failed": { error: Failure };
  "run.cancelled": object;
  "run.interrupted": { error?: Failure };
}

export type RunEvent = { [T in keyof Bodies]: { type: T; data: Common & Bodies[T] } }[keyof Bodies];

const KNOWN: ReadonlySet<string> = new Set<keyof Bodies>([
  "run.queued",
  "run.retrying",
  "run.started",
  "message.delta",
  "reasoning.delta",
  "output.invalid",
  "tool.started",
  "tool.finished",
  "approval.required",
  "run.finished",
  "run.failed",
  "run.cancelled",
  "run.interrupted",
]);

const LAST: ReadonlySet<string> = new Set(["run.finished", "run.failed", "run.cancelled", "run.interrupted"]);

/** The event in a frame, or null when this page does not know its kind: newer servers may say more. */
export function eventOf(frame: Frame): RunEvent | null {
  if (!KNOWN.has(frame.event)) return null;
  return { type: frame.event, data: JSON.parse(frame.data) } as RunEvent;
}

/** What a person is told of it. */
export function reasonOf(failure: Failure, otherwise: string): string {
  const fields = Object.values(failure.fields ?? {}).flat();
  return fields.join(" ") || failure.message || otherwise;
}

export function isLast(event: RunEvent): boolean {
  return LAST.has(event.type);
}
