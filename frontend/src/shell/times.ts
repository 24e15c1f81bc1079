import { relativeTime } from "../format.ts";

const MINUTE = 60_000;

/** `<time data-relative>` says how long ago; the exact moment, in the reader's own zone, is its title. */
export function keepTimesCurrent(): void {
  refresh();
  setInterval(refresh, MINUTE);
  document.addEventListener("htmx:after:swap", refresh);
}

function refresh(): void {
  const language = document.documentElement.lang || "en";
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-relative]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    element.textContent = relativeTime(moment, new Date(), language);
    element.title = moment.toLocaleString(language, { dateStyle: "full", timeStyle: "short" });
  }
}
