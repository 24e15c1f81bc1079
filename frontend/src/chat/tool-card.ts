import { duration } from "../format.ts";
import { fromTemplate, setText } from "./parts.ts";

/** One call of a tool: what was asked, what came back, how long it took. Collapsed until somebody wants to know. */
export class ToolCard {
  readonly element = fromTemplate<HTMLDetailsElement>("tool-template");

  constructor(name: string, args: unknown) {
    this.element.dataset.status = "running";
    setText(this.element, "[data-name]", name);
    setText(this.element, "[data-arguments]", shown(args));
  }

  finish(result: unknown, failed: boolean, milliseconds: number | null): void {
    this.element.dataset.status = failed ? "failed" : "completed";
    setText(this.element, "[data-result]", shown(result));
    setText(this.element, "[data-duration]", milliseconds === null ? "" : duration(milliseconds));
  }

  /** The run ended and this call did not. */
  abandon(): void {
    if (this.element.dataset.status === "running") this.element.dataset.status = "cancelled";
  }
}

/** JSON with line breaks; text as it is, and JSON in text as JSON. */
function shown(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value, null, 2) ?? "";
  try {
    const inner: unknown = JSON.parse(value);
    return typeof inner === "object" && inner !== null ? JSON.stringify(inner, null, 2) : value;
  } catch {
    return value;
  }
}
