/**
 * Cards of approvals, wherever they stand. The server draws them; a decision goes to the REST API, and the card is
 * drawn anew from what it has become.
 */
import { callApi, Refused } from "../chat/api.ts";
import { part } from "../chat/parts.ts";
import { refresh as refreshTimes } from "../shell/times.ts";
import { NotReadable, readArguments } from "./arguments.ts";

const API = "/api/v1/agentos/approvals/";
const PAGES = "/agentos/approvals/";
type Mode = "deciding" | "changing" | "rejecting";

export function watchApprovals(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    const card = target.closest<HTMLElement>("[data-approval]");
    if (!card) return;
    if (target.closest("[data-change]")) setMode(card, "changing");
    else if (target.closest("[data-back]")) setMode(card, "deciding");
    else decideFrom(card, target.closest<HTMLButtonElement>("[data-decide]"));
  });
  document.addEventListener("keydown", leaveOnEscape);
  document.addEventListener("keydown", decideOnEnter);
  // Browsers send a form with one field by themselves.
  document.addEventListener("submit", (event) => {
    if ((event.target as Element).matches("[data-decision]")) event.preventDefault();
  });
}

function decideOnEnter(event: KeyboardEvent): void {
  const target = event.target as Element;
  const card = target.closest?.<HTMLElement>("[data-approval]");
  if (!card || event.key !== "Enter" || event.isComposing || !(target instanceof HTMLInputElement)) return;
  event.preventDefault();
  decideFrom(card, card.querySelector(`[data-decide=${card.dataset.mode === "rejecting" ? "reject" : "approve"}]`));
}

/** The card of an approval, as the server draws it for whoever asks. Raises Refused, or TypeError without a network. */
export async function fetchCard(id: string): Promise<HTMLElement> {
  const response = await callApi(`${PAGES}${id}/?part=card`, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const card = page.querySelector<HTMLElement>("[data-approval]");
  // Who is not signed in any more is sent to the sign-in instead.
  if (!card) throw new Refused(401, { code: "not_signed_in", message: "" });
  return document.adoptNode(card);
}

function leaveOnEscape(event: KeyboardEvent): void {
  const card = (event.target as Element).closest?.<HTMLElement>("[data-approval]");
  if (event.key !== "Escape" || !card?.dataset.mode || card.dataset.mode === "deciding") return;
  event.stopImmediatePropagation();
  event.preventDefault();
  setMode(card, "deciding");
}

/** A first click on Reject asks for the reason, the second one rejects. */
function decideFrom(card: HTMLElement, button: HTMLButtonElement | null): void {
  if (!button) return;
  if (button.dataset.decide === "reject" && card.dataset.mode !== "rejecting") setMode(card, "rejecting");
  else void decide(card, button);
}

function setMode(card: HTMLElement, mode: Mode): void {
  const was = card.dataset.mode ?? "deciding";
  card.dataset.mode = mode;
  part<HTMLElement>(card, "[data-shown]").hidden = mode === "changing";
  part<HTMLElement>(card, "[data-changes]").hidden = mode !== "changing";
  part<HTMLElement>(card, "[data-rejecting]").hidden = mode !== "rejecting";
  part<HTMLElement>(card, "[data-back]").hidden = mode === "deciding";
  const change = card.querySelector<HTMLElement>("[data-change]");
  if (change) {
    change.hidden = mode !== "deciding";
    change.ariaExpanded = String(mode === "changing");
  }
  relabel(part(card, "[data-decide=approve]"), mode === "changing", "whenChanging", mode === "rejecting");
  relabel(part(card, "[data-decide=reject]"), mode === "rejecting", "whenRejecting", mode === "changing");
  const field = mode === "changing" ? "[data-changes] [data-argument]" : mode === "rejecting" ? "[name=note]" : "";
  if (field) card.querySelector<HTMLElement>(field)?.focus();
  else if (was === "changing") change?.focus();
  else part<HTMLElement>(card, "[data-decide=reject]").focus();
}

function relabel(button: HTMLElement, special: boolean, name: "whenChanging" | "whenRejecting", hidden: boolean): void {
  const label = part<HTMLElement>(button, "span");
  label.dataset.usual ??= label.textContent ?? "";
  label.textContent = (special ? button.dataset[name] : undefined) ?? label.dataset.usual;
  button.hidden = hidden;
}

async function decide(card: HTMLElement, button: HTMLButtonElement): Promise<void> {
  const verb = button.dataset.decide === "reject" ? "reject" : "approve";
  const body = bodyOf(card, verb);
  if (!body) return;
  const buttons = card.querySelectorAll<HTMLButtonElement>("button");
  for (const one of buttons) one.disabled = true;
  say(card, "");
  try {
    await callApi(`${API}${card.dataset.approval}/${verb}/`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    await redraw(card);
  } catch (error) {
    for (const one of buttons) one.disabled = false;
    await explain(card, error);
  }
}

function bodyOf(card: HTMLElement, verb: "approve" | "reject"): object | null {
  if (verb === "reject") {
    const note = part<HTMLInputElement>(card, "[name=note]").value.trim();
    return note ? { note } : {};
  }
  if (card.dataset.mode !== "changing") return {};
  try {
    return { arguments: readArguments(part(card, "[data-changes]")) };
  } catch (error) {
    if (error instanceof NotReadable) return null;
    throw error;
  }
}

/** Somebody else may have been quicker: then the card says what has become of it. */
async function explain(card: HTMLElement, error: unknown): Promise<void> {
  if (error instanceof Refused && [404, 409, 410].includes(error.status)) {
    await redraw(card).catch(() => say(card, error.failure.message));
    return;
  }
  const fields = error instanceof Refused ? Object.values(error.failure.fields ?? {}).flat().join(" ") : "";
  if (error instanceof Refused) say(card, fields || error.failure.message);
  else if (error instanceof TypeError) say(card, part<HTMLElement>(card, "[data-refusal]").dataset.unreachable ?? "");
  else throw error;
}

async function redraw(card: HTMLElement): Promise<void> {
  const drawn = await fetchCard(card.dataset.approval ?? "");
  card.replaceWith(drawn);
  refreshTimes();
  drawn.focus();
  drawn.dispatchEvent(new CustomEvent("opie:approval-decided", { bubbles: true }));
}

function say(card: HTMLElement, text: string): void {
  const place = part<HTMLElement>(card, "[data-refusal]");
  place.textContent = text;
  place.hidden = !text;
}
