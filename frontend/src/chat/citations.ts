/** Sources of an answer: a list below it, and the marks in its text, [2], as links to them. */
import type { Citation } from "./events.ts";
import { part } from "./parts.ts";

const MARK = /[[\u3010]\s*(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*[\]\u3011]/g;

/** Draws the list of an answer that has just ended, and links its marks. */
export function showCitations(answer: HTMLElement, citations: Citation[]): void {
  const list = answer.querySelector<HTMLOListElement>("ol.citations");
  if (!list) return;
  list.replaceChildren(...citations.map(itemOf));
  list.hidden = citations.length === 0;
  linkMarks(answer);
}

/** Links the marks of every answer in a part of the page that the server drew. */
export function linkAllMarks(root: ParentNode): void {
  for (const answer of root.querySelectorAll<HTMLElement>("article.answer")) linkMarks(answer);
}

/** A mark, or a source in a list, opens the passage beside the chat; with a modifier key it is a link like any other. */
export function watchPassages(root: HTMLElement, panel: HTMLDialogElement): void {
  root.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>("a[data-passage]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    void open(link, panel);
  });
}

async function open(link: HTMLAnchorElement, panel: HTMLDialogElement): Promise<void> {
  const response = await fetch(`${link.href}?piece=1`, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!response?.ok) {
    // Deleted since, or nobody answers: the page itself says which.
    location.assign(link.href);
    return;
  }
  const drawn = new DOMParser().parseFromString(await response.text(), "text/html");
  part(panel, "[data-passage-place]").replaceChildren(...drawn.body.childNodes);
  panel.showModal();
}

function itemOf(citation: Citation): HTMLLIElement {
  const item = document.createElement("li");
  if (citation.number) item.dataset.citation = String(citation.number);
  if (citation.number && !citation.is_named) item.dataset.unnamed = "";
  const title = document.createElement("span");
  title.dir = "auto";
  title.textContent = citation.title;
  const address = citation.chunk_id ? addressOf(citation.chunk_id) : citation.url;
  if (!address) {
    item.append(title);
    return item;
  }
  const link = document.createElement("a");
  link.href = address;
  if (citation.chunk_id) link.dataset.passage = "";
  else Object.assign(link, { target: "_blank", rel: "noopener noreferrer nofollow" });
  if (citation.number) link.append(markOf(citation.number), " ");
  link.append(title);
  item.append(link);
  return item;
}

function addressOf(chunk: string): string {
  return `/agentos/knowledge/passages/${encodeURIComponent(chunk)}/`;
}

function markOf(number: number): HTMLSpanElement {
  const mark = document.createElement("span");
  mark.className = "mark";
  mark.textContent = String(number);
  return mark;
}

function linkMarks(answer: HTMLElement): void {
  const addresses = new Map<string, HTMLAnchorElement>();
  for (const item of answer.querySelectorAll<HTMLElement>("[data-citation]")) {
    const link = item.querySelector("a");
    if (link) addresses.set(item.dataset.citation ?? "", link);
  }
  if (addresses.size === 0) return;
  for (const text of answer.querySelectorAll<HTMLElement>("[data-parts] .markdown")) {
    for (const node of textsOf(text)) replaceMarks(node, addresses);
  }
}

function textsOf(root: HTMLElement): Text[] {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement?.closest("a, code, pre") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  const found: Text[] = [];
  while (walker.nextNode()) found.push(walker.currentNode as Text);
  return found;
}

function replaceMarks(node: Text, addresses: Map<string, HTMLAnchorElement>): void {
  const text = node.data;
  const pieces: (string | Node)[] = [];
  let end = 0;
  for (const found of text.matchAll(MARK)) {
    const numbers = (found[1] ?? "").split(/[,;]/).map((number) => number.trim());
    if (!numbers.every((number) => addresses.has(number))) continue;
    pieces.push(text.slice(end, found.index), ...numbers.map((number) => markLink(number, addresses)));
    end = found.index + found[0].length;
  }
  if (end) node.replaceWith(...pieces, text.slice(end));
}

function markLink(number: string, addresses: Map<string, HTMLAnchorElement>): HTMLAnchorElement {
  const source = addresses.get(number);
  const link = document.createElement("a");
  link.className = "mark";
  link.href = source?.href ?? "";
  link.textContent = number;
  link.title = source?.textContent?.trim() ?? "";
  if (source?.dataset.passage !== undefined) link.dataset.passage = "";
  return link;
}
