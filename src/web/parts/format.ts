import { language, t } from '../text/text.ts';

/** Prefers a locale with the user's region, such as `en-GB` for the language `en`. */
export const findLocale = (): string =>
  navigator.languages.find((one) => one.split('-')[0] === language.value) ?? language.value;

const decimal = (value: number, places: 0 | 1): string =>
  value.toLocaleString(findLocale(), { minimumFractionDigits: places, maximumFractionDigits: places });

export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${decimal(seconds, seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return withRest(`${minutes} min`, Math.floor(seconds % 60), 's');
  return withRest(`${Math.floor(minutes / 60)} h`, minutes % 60, 'min');
}

const withRest = (whole: string, rest: number, unit: string): string =>
  rest === 0 ? whole : `${whole} ${rest} ${unit}`;

export function formatDateTime(time: number | string, timeZone?: string): string {
  const [then, now] = [new Date(time), new Date()];
  const isThisYear = then.getFullYear() === now.getFullYear();
  const isToday = timeZone === undefined && then.toDateString() === now.toDateString();
  const at = then.toLocaleString(findLocale(), {
    ...(!isToday && { weekday: 'short', day: 'numeric', month: 'short' }),
    ...(!isThisYear && { year: 'numeric' }),
    hour: 'numeric',
    minute: '2-digit',
    timeZone,
  });
  return t('dateTime', { at });
}

const day = 86_400_000;
const units = [
  ['day', day],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;
/** Returns `2 min. ago` or `yesterday`, for example. After a week, the date. */
export function formatAge(ms: number, now: number): string {
  const since = Math.max(0, now - ms);
  if (since >= 7 * day) return new Date(ms).toLocaleDateString(findLocale(), { dateStyle: 'medium' });
  const [unit, size] = units.find(([, size]) => since >= size) ?? (['second', since + 1] as const);
  return new Intl.RelativeTimeFormat(findLocale(), { numeric: 'auto', style: 'short' }).format(
    -Math.floor(since / size),
    unit,
  );
}

export const formatCount = (value: number): string => value.toLocaleString(findLocale());

/** 1234567 becomes 1.2M. */
export function formatCompactCount(value: number): string {
  const short = new Intl.NumberFormat(findLocale(), { notation: 'compact', maximumFractionDigits: 1 }).format(value);
  return /\p{L}/u.test(short) ? short : formatCount(value); // German has no short form of thousands
}

/** Formats an amount in US dollars, the currency of the price list. */
export const formatUsd = (cost: number): string =>
  new Intl.NumberFormat(findLocale(), {
    style: 'currency',
    currency: 'USD',
    minimumFractionDigits: cost > 0 && cost < 1 ? 4 : 2,
    maximumFractionDigits: cost > 0 && cost < 1 ? 4 : 2,
  }).format(cost);

export const formatBudgetValue = (kind: string, value: number): string =>
  kind === 'cost'
    ? formatUsd(value)
    : kind === 'time'
      ? formatDuration(value)
      : (kind === 'tokens' ? formatCompactCount : formatCount)(value);

export function formatBytes(size: number): string {
  if (size < 1_000) return `${size} B`;
  if (size < 1_000_000) return `${decimal(size / 1_000, 1)} kB`;
  return size < 1e9 ? `${decimal(size / 1_000_000, 1)} MB` : `${decimal(size / 1e9, 1)} GB`;
}
