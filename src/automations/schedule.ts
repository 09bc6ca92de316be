import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import { isTimeZone } from '../core/contracts/calendar.ts';
import { AppError } from '../core/errors/errors.ts';
import type { Schedule } from '../sessions/api/server/automations.ts';

type CronTime = Pick<Schedule, 'cron' | 'timezone'>;

const maxLength = 200;

/** The times of a schedule, except those for which `isRepeated` returns true. */
export interface CronRule {
  readonly cron: Cron;
  /** True for the second occurrence of a fixed time after the clock was set back. */
  readonly isRepeated: (at: number) => boolean;
}

/** A fixed time in a clock gap moves to the gap's end; one that occurs twice counts once. Throws invalid_request. */
export function parseCronRule({ cron, timezone }: CronTime): CronRule {
  const text = cron.trim();
  const refuse = (why: string) =>
    new AppError(
      'invalid_request',
      `The schedule ${JSON.stringify(cron.slice(0, maxLength))} ${why}. Use five fields: minute, hour, day of the month, ` +
        'month, day of the week, such as 0 9 * * 1-5.',
      { field: 'schedule.cron' },
    );
  if (text.length > maxLength) throw refuse('is too long');
  // The library also accepts seconds, years, nicknames and `L`, unlike some cron programs.
  const wrong = mistakeIn(text.split(/[ \t]+/));
  if (wrong !== undefined) throw refuse(wrong);
  if (!isTimeZone(timezone))
    throw new AppError('invalid_request', `There is no time zone ${timezone}. Use a name such as Europe/Berlin.`, {
      field: 'schedule.timezone',
    });
  try {
    const rule = new Cron(text, { timezone, paused: true, mode: '5-part' });
    if (rule.nextRun() !== null) return { cron: rule, isRepeated: createRepeatCheck(text, timezone) };
  } catch {
    throw refuse('cannot be read');
  }
  throw refuse('never occurs');
}

interface CronField {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly words?: readonly string[];
}
const cronFields: readonly CronField[] = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of the month', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12, words: 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ') },
  { name: 'day of the week', least: 0, most: 7, words: 'sun mon tue wed thu fri sat'.split(' ') },
];

/** Supported by other programs, but not by Debian's cron. */
const otherForms: readonly (readonly [form: RegExp, why: string])[] = [
  [/\?/, 'has ?, which other programs read as "no day". Write * there'],
  [/#/, 'has #, which counts the weeks of a month in other programs. It is not supported here'],
  [/^l([-/]\d+)?$|^lw$|^(\d|[a-z]{3})l$/i, 'has L, which is the last day in other programs. It is not supported here'],
  [/^(\d+)w$/i, 'has W, which is the nearest weekday in other programs. It is not supported here'],
  [/^h([(/]|$)/i, 'has H, which is a chosen time in other programs. Write the time itself'],
  [/~/, 'has ~, which is a random time in other programs. Write the time itself'],
];

function mistakeIn(fields: readonly string[]): string | undefined {
  if (fields[0]?.startsWith('@')) return `has the nickname ${fields[0]}. Write its five fields`;
  if (fields.length === 6 || fields.length === 7)
    return `has ${fields.length} fields, as in programs that also support seconds or years`;
  if (fields.length !== cronFields.length) return fields.length === 1 ? 'has one field' : `has ${fields.length} fields`;
  for (const [at, field] of fields.entries()) {
    const { name, least, most, words = [] } = cronFields[at] as CronField;
    for (const part of field.split(',')) {
      const [, why] = otherForms.find(([form]) => form.test(part)) ?? [];
      if (why !== undefined) return `${why} (${name})`;
      const [range = '', step, ...more] = part.split('/');
      if (more.length > 0 || (step !== undefined && !/^[1-9]\d{0,3}$/.test(step)))
        return `has a step in the ${name} that is not a number above 0: ${part}`;
      const ends = range === '*' ? [] : range.split('-');
      if (step !== undefined && ends.length === 1)
        return `has a step in the ${name} without a range: ${part}. Write */${step}, or a range such as ${least}-${most}/${step}`;
      if (ends.length > 2) return `has an invalid range in the ${name}: ${part}`;
      for (const end of ends) {
        if (words.includes(end.toLowerCase())) continue;
        if (/^[A-Za-z]+$/.test(end)) return `has ${end}, which is not the name of a ${name}`;
        if (!/^\d{1,4}$/.test(end)) return `has no ${name}: ${part}`;
        if (Number(end) < least || Number(end) > most)
          return `has ${end} as the ${name}, which is from ${least} to ${most}`;
      }
      const [first = least, last = most] = ends.map((end) => numberOf(end, { words, least }));
      if (ends.length === 2 && last < first) return `has a range in the ${name} that ends before it begins: ${range}`;
      if (step !== undefined && Number(step) > last - first + 1)
        return `has the step ${step} in the ${name}, which is longer than ${range === '*' ? `${least}-${most}` : range}`;
    }
  }
  return undefined;
}

function numberOf(
  text: string,
  { words, least }: { readonly words: readonly string[]; readonly least: number },
): number {
  const place = words.indexOf(text.toLowerCase());
  return place < 0 ? Number(text) : place + least;
}

/** Epoch ms, later than `after`. Null if the rule has no later time. */
export function findNextDueTime({ cron, isRepeated }: CronRule, after: number): number | null {
  let at = cron.nextRun(new Date(after))?.getTime();
  while (at !== undefined && isRepeated(at)) at = cron.nextRun(new Date(at))?.getTime();
  return at ?? null;
}

export function findNextDueTimes(rule: CronRule, after: number, count: number): readonly number[] {
  const times: number[] = [];
  for (let at = findNextDueTime(rule, after); at !== null && times.length < count; at = findNextDueTime(rule, at))
    times.push(at);
  return times;
}

export function findLatestDueTime({ cron, isRepeated }: CronRule, from: number, now: number): number {
  const before = (time: number) => cron.previousRuns(1, new Date(time))[0]?.getTime();
  let at = before(now + 1_000) ?? from;
  while (at > from && isRepeated(at)) at = before(at) ?? from;
  return at > from && at <= now ? at : from;
}

/** Milliseconds. Different for each automation and time, but the same on each server. */
export function computeStartJitterMs(
  id: string,
  dueAt: number,
  { jitterSeconds }: Pick<Schedule, 'jitterSeconds'>,
): number {
  if (jitterSeconds === 0) return 0;
  const drawn = createHash('sha256').update(`${id}:${dueAt}`).digest().readUInt32BE(0) / 2 ** 32;
  return Math.floor(drawn * jitterSeconds * 1_000);
}

const lookBackMs = 3 * 60 * 60_000; // longer than any clock change

/** Times are fixed if neither minute nor hour starts with `*`. */
function createRepeatCheck(text: string, timezone: string): CronRule['isRepeated'] {
  const [minute = '', hour = ''] = text.split(/[ \t]+/);
  if (minute.startsWith('*') || hour.startsWith('*')) return () => false;
  const zone = new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'longOffset' });
  const offsetAt = (at: number): number => {
    const name = zone.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const [, sign, hours, minutes] = /GMT([+-])(\d+):(\d+)/.exec(name) ?? [];
    return (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
  };
  return (at) => {
    const before = offsetAt(at - lookBackMs);
    const putBackMs = before - offsetAt(at);
    return putBackMs > 0 && offsetAt(at - putBackMs) === before;
  };
}
