import { exactTime, relativeTime } from "../format.ts";

const MINUTE = 60_000;

/** `<time data-relative>` says how long ago, `<time data-exact>` when, in the reader's own zone. */
export function keepTimesCurrent(): void {
  refresh();
  setInterval(refresh, MINUTE);
  document.addEventListener("htmx:after:swap", refresh);
}

export function refresh(): void {
  const language = document.documentElement.lang || "en";
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-relative]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    element.textContent = relativeTime(moment, new Date(), language);
    element.title = moment.toLocaleString(language, { dateStyle: "full", timeStyle: "short" });
  }
  for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-exact]")) {
    const moment = new Date(element.dateTime);
    if (!Number.isNaN(moment.getTime())) element.textContent = exactTime(moment, new Date(), language);
  }
}

/** A form that asks for a time zone begins with the reader's own. */
export function fillTimeZone(): void {
  const field = document.querySelector<HTMLInputElement>("input[data-own-time-zone]");
  if (field && !field.value) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
}
