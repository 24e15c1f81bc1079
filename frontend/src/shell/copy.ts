/** Copies code, or a message as it was written, and says so for two seconds. */
const SHOWN_FOR = 2000;

export function watchCopyButtons(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-copy]");
    if (button) void copyFor(button);
  });
}

async function copyFor(button: HTMLElement): Promise<void> {
  const text = textFor(button);
  if (text === null) return;
  await navigator.clipboard.writeText(text);
  button.dataset.copied = "";
  announce(button.dataset.copiedText ?? "");
  setTimeout(() => delete button.dataset.copied, SHOWN_FOR);
}

function textFor(button: HTMLElement): string | null {
  if (button.dataset.copy === "code") return button.closest(".code-block")?.querySelector("pre")?.textContent ?? null;
  const source = button.closest("article")?.querySelector<HTMLTemplateElement>("template[data-source]");
  return source?.content.textContent ?? null;
}

function announce(text: string): void {
  const status = document.querySelector("[data-announcer]");
  if (status) status.textContent = text;
}
