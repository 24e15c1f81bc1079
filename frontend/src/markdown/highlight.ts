/** Loaded when the first block of code is seen. */
import highlighter from "highlight.js/lib/common";

const LONGEST = 50_000;

/** Colours the code if its language is known; what is very long stays plain, so that the page stays quick. */
export function highlight(code: HTMLElement, language: string): void {
  const source = code.textContent;
  if (!highlighter.getLanguage(language) || source.length > LONGEST) return;
  // The highlighter escapes the source; it adds nothing but spans with classes.
  code.innerHTML = highlighter.highlight(source, { language, ignoreIllegals: true }).value;
}
