import { createHash } from 'node:crypto';
import { Cron } from 'croner';
import { AppError } from '../core/errors/errors.ts';
import type { Schedule } from '../sessions/api/server/automations.ts';

type CronTime = Pick<Schedule, 'cron' | 'timezone'>;

const maxLength = 200;

/**
 * The rule of a schedule, whose times are those of Debian's cron over clock changes: a fixed time that is skipped runs
 * right after the gap, and one that repeats runs once. Throws: invalid_request.
 */
export function parseCron({ cron, timezone }: CronTime): Cron {
  const text = cron.trim();
  const refuse = (why: string) =>
    new AppError(
      'invalid_request',
      `The schedule ${JSON.stringify(cron.slice(0, maxLength))} ${why}. Five fields are meant: minute, hour, day of the month, ` +
        'month, day of the week, such as 0 9 * * 1-5.',
    );
  if (text.length > maxLength) throw refuse('is too long');
  // The library also knows seconds, years, nicknames and a last day, which other programs that read the field do not.
  if (!/^[\d*,/A-Za-z-]+([ \t]+[\d*,/A-Za-z-]+){4}$/.test(text)) throw refuse('has not five fields');
  if (!isTimeZone(timezone))
    throw new AppError('invalid_request', `There is no time zone ${timezone}. A name like Europe/Berlin is meant.`);
  try {
    const rule = new Cron(text, { timezone, paused: true, mode: '5-part' });
    if (rule.nextRun() !== null) return rule;
  } catch {
    throw refuse('cannot be read');
  }
  throw refuse('never comes');
}

/** The first time after `after` (epoch ms), or null when there is none. */
export const nextTime = (rule: Cron, after: number): number | null => rule.nextRun(new Date(after))?.getTime() ?? null;

export function nextTimes(rule: Cron, after: number, count: number): readonly number[] {
  return rule.nextRuns(count, new Date(after)).map((at) => at.getTime());
}

/** The last time at or before `now` and not before `from`, of which a downtime may have missed many. */
export function latestTime(rule: Cron, from: number, now: number): number {
  const [last] = rule.previousRuns(1, new Date(now + 1_000));
  const at = last?.getTime() ?? from;
  return at > from && at <= now ? at : from;
}

/** How late this start is, in ms: different for each automation and time, and the same on each server. */
export function jitterOf(id: string, dueAt: number, { jitterSeconds }: Pick<Schedule, 'jitterSeconds'>): number {
  if (jitterSeconds === 0) return 0;
  const drawn = createHash('sha256').update(`${id}:${dueAt}`).digest().readUInt32BE(0) / 2 ** 32;
  return Math.floor(drawn * jitterSeconds * 1_000);
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z]/.test(name); // not an offset such as +01:00, which has no clock changes
  } catch {
    return false;
  }
}
