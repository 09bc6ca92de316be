export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z]/.test(name); // offsets such as +01:00 are refused because they ignore daylight saving time
  } catch {
    return false;
  }
}

export interface Calendar {
  /** Keys such as `2026-11-27` and `2026-11`. */
  keysAt(ms: number): { readonly day: string; readonly month: string };
  /** The start of this time's day and month, epoch ms. */
  startsAt(ms: number): { readonly day: number; readonly month: number };
}
export const dayMs = 86_400_000;

export function createCalendar(timeZone: string): Calendar {
  const format = new Intl.DateTimeFormat('en', {
    ...{ timeZone, calendar: 'gregory', numberingSystem: 'latn' },
    ...({ year: 'numeric', month: '2-digit', day: '2-digit' } as const),
  });
  const keysAt = (ms: number) => {
    const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    const month = `${parts.year}-${parts.month}`;
    return { day: `${month}-${parts.day}`, month };
  };
  /** A day can have 23 or 25 hours and can start at 01:00. */
  const startOf = (ms: number, { key, spanMs }: { readonly key: 'day' | 'month'; readonly spanMs: number }) => {
    const name = keysAt(ms)[key];
    let [before, within] = [ms - spanMs, ms];
    while (within - before > 1) {
      const middle = Math.floor((before + within) / 2);
      if (keysAt(middle)[key] < name) before = middle;
      else within = middle;
    }
    return within;
  };
  return {
    keysAt,
    startsAt: (ms) => ({
      day: startOf(ms, { key: 'day', spanMs: 2 * dayMs }),
      month: startOf(ms, { key: 'month', spanMs: 33 * dayMs }),
    }),
  };
}
