/** A question written on the home page is asked in the chat it leads to. It is handed over in this tab only: a link cannot ask. */
const KEY = "opie:question";

export function watchQuickStart(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-quick-start]");
  const text = form?.querySelector("textarea");
  if (!form || !text) return;
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    if (!text.value.trim()) return;
    event.preventDefault();
    sessionStorage.setItem(KEY, text.value);
    location.assign(form.action);
  });
}

/** The question that was handed over, once. */
export function takeQuestion(): string {
  const question = sessionStorage.getItem(KEY) ?? "";
  sessionStorage.removeItem(KEY);
  return question.trim();
}
