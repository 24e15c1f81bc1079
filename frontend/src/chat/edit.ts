import { fromTemplate, part } from "./parts.ts";

/** Edits a question in its place. Enter saves and asks again, Shift+Enter breaks the line, Escape leaves it as it was. */
export function editQuestion(question: HTMLElement, save: (text: string) => void): void {
  const text = part<HTMLElement>(question, "[data-text]");
  const actions = part<HTMLElement>(question, "[data-actions]");
  const form = fromTemplate<HTMLFormElement>("edit-template");
  const field = part<HTMLTextAreaElement>(form, "textarea");
  field.value = text.textContent ?? "";
  const leave = (): void => {
    form.remove();
    text.hidden = actions.hidden = false;
    question.classList.remove("is-edited");
    part<HTMLElement>(question, "[data-edit]").focus();
  };
  const submit = (): void => {
    const edited = field.value.trim();
    if (!edited) return;
    leave();
    save(edited);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      leave();
    }
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target !== field) return;
    event.preventDefault();
    submit();
  });
  part(form, "[data-leave]").addEventListener("click", leave);
  text.hidden = actions.hidden = true;
  question.classList.add("is-edited");
  text.after(form);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}
