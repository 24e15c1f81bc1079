/**
 * The one tag of a widget, on somebody else's page: a button, and behind it a frame of ours. It runs as a classic script
 * and leaves no name behind. What it draws is in a shadow of its own, by style sheets made in code: a strict content
 * security policy of the page has to let in this script and the frame, and nothing more.
 */
(() => {
  const tag = document.currentScript as HTMLScriptElement | null;
  if (!tag) return;
  const { origin, pathname } = new URL(tag.src);
  const told = tag.dataset;
  const label = told["label"] ?? "Chat with us";

  const css = `:host{all:initial}
button{position:fixed;inset-block-end:20px;inset-inline-end:20px;z-index:2147483000;width:56px;height:56px;border:0;border-radius:50%;background:#3b45c4;color:#fff;cursor:pointer;box-shadow:0 4px 16px #0004}
button:focus-visible{outline:3px solid #3b45c4;outline-offset:3px}
svg{width:26px;height:26px;vertical-align:middle}
i{position:absolute;inset-block-start:-2px;inset-inline-end:-2px;min-width:20px;border-radius:10px;background:#b3261e;color:#fff;font:600 12px/20px system-ui,sans-serif}
div{position:fixed;inset-block-end:88px;inset-inline-end:20px;z-index:2147483000;width:min(400px,calc(100vw - 40px));height:min(640px,calc(100dvh - 108px));border-radius:16px;overflow:hidden;background:#fff;color:#222;box-shadow:0 8px 40px #0005}
iframe{display:block;width:100%;height:100%;border:0}
p{margin:0;padding:24px;font:15px/1.5 system-ui,sans-serif}
[hidden]{display:none}
@media(prefers-color-scheme:dark){div{background:#16181d;color:#eee}}
@media(max-width:480px){div{inset:0;width:100%;height:100dvh;border-radius:0;z-index:2147483001}}`;

  const place = document.createElement("opie-widget");
  const shadow = place.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  shadow.adoptedStyleSheets = [sheet];

  const panel = document.createElement("div");
  panel.hidden = true;
  panel.id = "panel";
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", "panel");
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "2", "aria-hidden": "true" }))
    drawing.setAttribute(name, value);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", "M21 15a2 2 0 0 1-2 2H7l-4 4V5a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2z");
  drawing.append(line);
  const count = document.createElement("i");
  count.hidden = true;
  button.append(drawing, count);
  shadow.append(panel, button);

  let frame: HTMLIFrameElement | null = null;
  let isReady = false;

  const say = (type: string, more: object = {}): void => {
    if (isReady) frame?.contentWindow?.postMessage({ type: `opie:${type}`, ...more }, origin);
  };

  const load = (): void => {
    frame = document.createElement("iframe");
    frame.title = label;
    frame.src = `${origin}${pathname.replace(/\.js$/, "/")}?origin=${encodeURIComponent(location.origin)}`;
    panel.append(frame);
    setTimeout(() => {
      if (isReady) return;
      const sorry = document.createElement("p");
      sorry.textContent = "The chat cannot be shown on this page.";
      panel.replaceChildren(sorry);
    }, 10_000);
  };

  const show = (isOpen: boolean): void => {
    if (isOpen && !frame) load();
    panel.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) frame?.focus();
    else button.focus();
    say(isOpen ? "opened" : "closed");
  };

  button.addEventListener("click", () => show(Boolean(panel.hidden)));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) show(false);
  });
  addEventListener("message", (event: MessageEvent<{ type?: string; count?: number } | null>) => {
    if (!frame || event.origin !== origin || event.source !== frame.contentWindow) return;
    const { type, count: unread = 0 } = event.data ?? {};
    if (type === "opie:ready") {
      isReady = true;
      say("hello", { customer: told["customer"], time: told["time"], signature: told["signature"] });
      say(panel.hidden ? "closed" : "opened");
    } else if (type === "opie:close") show(false);
    else if (type === "opie:unread") {
      count.hidden = !unread;
      count.textContent = String(unread);
      button.setAttribute("aria-label", unread ? `${label} (${unread})` : label);
    }
  });
  // The script may come before the body does.
  if (document.body) document.body.append(place);
  else addEventListener("DOMContentLoaded", () => document.body.append(place));
})();
