/** Numbers as people read them. The server has the same rules in apps/opie/web/templatetags/figures.py. */

export function tokens(count: number): string {
  if (count < 1000) return String(count);
  return `${(count / 1000).toFixed(count < 9950 ? 1 : 0)} k`;
}

export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** Money comes as a decimal string and stays one: small sums keep the digits that say something. */
export function money(amount: string, currency: string): string {
  const value = Number(amount);
  const digits = value === 0 || value >= 1 ? 2 : Math.min(6, Math.max(2, 1 - Math.floor(Math.log10(value))));
  return `${value.toFixed(digits)} ${currency}`;
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

export function relativeTime(moment: Date, now: Date, language: string): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const seconds = (moment.getTime() - now.getTime()) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(0, "second");
}

/** A moment as short as it can be said: today only the time, this year without the year. */
export function exactTime(moment: Date, now: Date, language: string): string {
  const time: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  if (moment.toDateString() === now.toDateString()) return moment.toLocaleTimeString(language, time);
  const year = moment.getFullYear() === now.getFullYear() ? {} : ({ year: "numeric" } as const);
  return moment.toLocaleString(language, { weekday: "short", day: "numeric", month: "short", ...year, ...time });
}
