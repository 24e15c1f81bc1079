import DOMPurify, { type Config } from "dompurify";
import MarkdownIt from "markdown-it";

/**
 * Markdown as agents write it. Raw HTML stays text; pictures become links, because a picture that loads by itself can
 * carry what was said to another server. apps/opie/web/markdown.py follows the same rules for what is stored.
 */
const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true });
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });

type Rule = NonNullable<(typeof markdown.renderer.rules)[string]>;

const openLink: Rule = (tokens, index, options, _env, renderer) => {
  tokens[index]?.attrSet("rel", "noopener noreferrer nofollow");
  tokens[index]?.attrSet("target", "_blank");
  return renderer.renderToken(tokens, index, options);
};

const picture: Rule = (tokens, index) => {
  const token = tokens[index];
  const address = String(token?.attrGet("src") ?? "");
  const text = token?.content || address;
  const escape = markdown.utils.escapeHtml;
  return `<a href="${escape(address)}" rel="noopener noreferrer nofollow" target="_blank">${escape(text)}</a>`;
};

/** A style attribute would be refused by the content security policy: alignment is a class. */
const cell: Rule = (tokens, index, options, _env, renderer) => {
  const token = tokens[index];
  const style = String(token?.attrGet("style") ?? "");
  if (token && style) {
    token.attrs = (token.attrs ?? []).filter(([name]) => name !== "style");
    if (style.includes("center")) token.attrSet("class", "cell-center");
    if (style.includes("right")) token.attrSet("class", "cell-right");
  }
  return renderer.renderToken(tokens, index, options);
};

markdown.renderer.rules.link_open = openLink;
markdown.renderer.rules.image = picture;
markdown.renderer.rules.th_open = cell;
markdown.renderer.rules.td_open = cell;

const ALLOWED: Config = {
  ALLOWED_TAGS: [
    ..."a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s strong table tbody td th thead tr ul".split(" "),
  ],
  ALLOWED_ATTR: ["href", "title", "class", "rel", "target", "start"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|tel:|[/#?]|[^a-z]|[a-z+.-]+(?:[^a-z+.\-:]|$))/i,
  RETURN_DOM_FRAGMENT: true,
};

/** Markdown in, safe nodes out. */
export function renderMarkdown(source: string): DocumentFragment {
  return DOMPurify.sanitize(markdown.render(source), ALLOWED) as unknown as DocumentFragment;
}

/** The line on which the last top-level block begins: what stands before it will not change any more. */
export function lastBlockLine(source: string): number {
  let line = 0;
  for (const token of markdown.parse(source, {})) {
    if (token.level === 0 && token.map && token.nesting >= 0) line = token.map[0];
  }
  return line;
}
