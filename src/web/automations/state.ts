import { signal } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { query } from '../data/server.ts';
import { findLocale, formatDateTime } from '../parts/format.ts';
import { upsertItem } from '../parts/kit/resource-list.tsx';
import { t } from '../text/text.ts';
import { formatDayName, parseScheduleChoice } from './times.ts';

export type Automation = Outputs['automations']['get'];
export type AutomationStart = Outputs['automations']['start'];

export const automations = signal<readonly Automation[] | undefined>(undefined);

export async function loadAutomations(): Promise<void> {
  automations.value = await query('automations.list', undefined);
}

export function upsertAutomationInList(changed: Automation): void {
  automations.value = upsertItem(automations.value ?? [], changed);
}

export function describeAutomationState({ paused, schedule, nextAt, hook, after }: Automation): string {
  if (paused) return t(`automations.pausedBy.${paused.by}`);
  if (!schedule && hook) return t('automations.byHook');
  if (!schedule && after) return t('automations.byRun');
  if (!schedule || nextAt === null) return t('automations.byHand');
  return t('automations.next', { at: formatDateTime(nextAt, schedule.timezone), zone: schedule.timezone });
}

/** Example: `Every week, Monday, 9:00 AM (Europe/Berlin)`. */
export function describeSchedule({ cron, timezone }: NonNullable<Automation['schedule']>): string {
  const { kind, day, time } = parseScheduleChoice(cron);
  if (kind === 'custom') return `${cron} (${timezone})`;
  const parts = [t(`automations.${kind}`)];
  if (kind === 'weekly') parts.push(formatDayName(day, findLocale()));
  if (kind !== 'hourly') parts.push(formatTimeOfDay(time));
  return `${parts.join(', ')} (${timezone})`;
}

/** Formats `09:00` as the page formats other times. */
function formatTimeOfDay(time: string): string {
  const [hour, minute] = time.split(':').map(Number);
  const format = new Intl.DateTimeFormat(findLocale(), { hour: 'numeric', minute: '2-digit' });
  return format.format(new Date(2_000, 0, 1, hour, minute));
}
