const FIRST = 500;
const LONGEST = 20_000;

/** How long to wait before the next attempt: doubling, with some chance, so that not everybody comes back at once. */
export function waitBefore(attempt: number, chance = Math.random()): number {
  const wait = Math.min(LONGEST, FIRST * 2 ** attempt);
  return wait / 2 + (wait / 2) * chance;
}

/** Waits, but no longer than until the browser is online again. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done);
  });
}
