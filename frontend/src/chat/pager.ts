/** Moving between versions of a question or an answer keeps what one looks at in its place, and the focus. */
export interface Anchor {
  direction: string;
  top: number;
}

export function anchorAt(link: HTMLElement): Anchor {
  return { direction: link.dataset.direction ?? "", top: link.getBoundingClientRect().top };
}

/** Puts the reader back to where the pager was; answers what it says now, such as "2 of 3". */
export function returnTo(anchor: Anchor, messageId: string, log: HTMLElement, list: HTMLElement): string {
  const pager = list.querySelector<HTMLElement>(`[data-version="${CSS.escape(messageId)}"]`);
  if (!pager) return "";
  const links = [...pager.querySelectorAll<HTMLElement>("a")];
  const link = links.find((one) => one.dataset.direction === anchor.direction) ?? links[0];
  log.scrollTop += pager.getBoundingClientRect().top - anchor.top;
  link?.focus({ preventScroll: true });
  return pager.querySelector("[data-place]")?.textContent?.trim() ?? "";
}
