/** Questions that a command wrote: which one did, and the beginning of a long one until somebody wants all of it. */
import { part, setText } from "./parts.ts";

/** Says which command wrote the question. */
export function nameCommand(question: HTMLElement, name: string): void {
  if (!name) return;
  question.dataset.command = "";
  setText(question, "[data-command-name]", name);
}

/** Offers to unfold what does not fit, in all of a list and for as long as it changes. */
export function watchFolds(list: HTMLElement): void {
  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => offer(entry.target.parentElement)));
  const watch = (): void => {
    for (const bubble of list.querySelectorAll<HTMLElement>("[data-question][data-command] > .bubble")) sizes.observe(bubble);
  };
  new MutationObserver(watch).observe(list, { childList: true });
  watch();
  list.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-unfold]");
    if (button) toggle(button);
  });
}

function offer(question: HTMLElement | null): void {
  if (!question || "unfolded" in question.dataset) return;
  const bubble = part<HTMLElement>(question, ".bubble");
  if (!bubble.hidden) part<HTMLElement>(question, "[data-unfold]").hidden = bubble.scrollHeight <= bubble.clientHeight + 1;
}

function toggle(button: HTMLElement): void {
  const question = button.closest<HTMLElement>("[data-question]");
  if (!question) return;
  const isOpen = question.toggleAttribute("data-unfolded");
  button.ariaExpanded = String(isOpen);
  button.textContent = (isOpen ? button.dataset.less : button.dataset.more) ?? "";
}
