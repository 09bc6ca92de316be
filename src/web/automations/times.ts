/** `custom` is a five-field cron expression. */
export const scheduleKinds = ['manual', 'hourly', 'daily', 'weekdays', 'weekly', 'custom'] as const;
export type ScheduleKind = (typeof scheduleKinds)[number];

export interface ScheduleChoice {
  readonly kind: ScheduleKind;
  /** `HH:MM` */
  readonly time: string;
  /** 0 is Sunday. */
  readonly day: number;
  readonly cron: string;
}

export function toCron({ kind, time, day, cron }: ScheduleChoice): string | undefined {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  const fields: Record<ScheduleKind, string | undefined> = {
    manual: undefined,
    hourly: '0 * * * *',
    daily: `${minute} ${hour} * * *`,
    weekdays: `${minute} ${hour} * * 1-5`,
    weekly: `${minute} ${hour} * * ${day}`,
    custom: cron.trim(),
  };
  return fields[kind];
}

export function parseScheduleChoice(cron: string | undefined): ScheduleChoice {
  const none = { kind: 'manual', time: '09:00', day: 1, cron: '0 9 * * 1-5' } as const;
  if (cron === undefined) return none;
  if (cron === '0 * * * *') return { ...none, kind: 'hourly' };
  const [, minute, hour, days] = /^(\d{1,2}) (\d{1,2}) \* \* (\*|1-5|[0-6])$/.exec(cron) ?? [];
  if (minute === undefined || hour === undefined || days === undefined) return { ...none, kind: 'custom', cron };
  const time = `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
  if (days === '*') return { ...none, kind: 'daily', time };
  return days === '1-5' ? { ...none, kind: 'weekdays', time } : { ...none, kind: 'weekly', time, day: Number(days) };
}

export const listTimeZones = (): readonly string[] => ['UTC', ...Intl.supportedValuesOf('timeZone')];

/** Finds the zone for `europe/berlin`, `Berlin` or `new york`. Undefined: no match, or several. */
export function findTimeZone(text: string): string | undefined {
  const target = text.trim().toLowerCase().replaceAll(' ', '_');
  const all = listTimeZones();
  const [named] = all.filter((zone) => zone.toLowerCase() === target);
  const cities = all.filter((zone) => zone.toLowerCase().endsWith(`/${target}`));
  return named ?? (cities.length === 1 ? cities[0] : olderZone(text.trim()));
}
/** Resolves outdated names, such as `Asia/Calcutta`. Undefined: unknown. */
function olderZone(text: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}
export const detectLocalTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** 1 January 2023 was a Sunday. */
export const formatDayName = (day: number, language: string): string =>
  new Date(Date.UTC(2023, 0, 1 + day)).toLocaleDateString(language, { weekday: 'long', timeZone: 'UTC' });
