/** In milliseconds. Undefined if the header is absent or invalid. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const value = header?.trim() ?? '';
  const seconds = /^(\d{1,9}(?:\.\d{1,9})?)s?$/.exec(value)?.[1];
  if (seconds !== undefined) return Math.ceil(Number(seconds) * 1_000);
  const date = /^[A-Za-z]{3},/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
