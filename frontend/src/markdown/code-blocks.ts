/** Gives each block of code its language, a copy button and, once the highlighter has loaded, colours. */
export function decorateCodeBlocks(root: ParentNode): void {
  const blocks = [...root.querySelectorAll<HTMLElement>(".markdown pre > code, pre > code")].filter(
    (code) => !code.closest(".code-block, .step-body"),
  );
  for (const code of blocks) frame(code);
  if (blocks.length > 0) void colour(blocks);
}

function frame(code: HTMLElement): void {
  const pre = code.parentElement;
  const template = document.querySelector<HTMLTemplateElement>("#code-block-template");
  const block = template?.content.firstElementChild?.cloneNode(true);
  if (!pre || !(block instanceof HTMLElement)) return;
  const label = block.querySelector("[data-language]");
  if (label) label.textContent = languageOf(code);
  // The reader can scroll wide code with the keyboard only when it can be focused.
  pre.tabIndex = 0;
  pre.replaceWith(block);
  block.append(pre);
}

async function colour(blocks: HTMLElement[]): Promise<void> {
  const { highlight } = await import("./highlight.ts");
  for (const code of blocks) highlight(code, languageOf(code));
}

function languageOf(code: HTMLElement): string {
  return /(?:^|\s)language-(\S+)/.exec(code.className)?.[1] ?? "";
}
