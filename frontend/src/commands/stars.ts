/** Stars beside commands: marked at once, and taken back when the server would not have it. */
import { callApi, Refused } from "../chat/api.ts";
import { part } from "../chat/parts.ts";

export function watchStars(): void {
  document.addEventListener("submit", (event) => {
    const form = (event.target as Element).closest<HTMLFormElement>("form[data-star]");
    if (!form) return;
    event.preventDefault();
    void toggle(form);
  });
}

async function toggle(form: HTMLFormElement): Promise<void> {
  const marked = part(form, "button").getAttribute("aria-pressed") !== "true";
  show(form, marked);
  try {
    const address = `/api/v1/commands/${encodeURIComponent(form.dataset.star ?? "")}/favourite/`;
    await callApi(address, { method: marked ? "PUT" : "DELETE" });
  } catch (error) {
    show(form, !marked);
    if (!(error instanceof Refused || error instanceof TypeError)) throw error;
  }
}

function show(form: HTMLFormElement, marked: boolean): void {
  part(form, "button").setAttribute("aria-pressed", String(marked));
  part<HTMLInputElement>(form, "input[name=favourite]").value = String(!marked);
}
