import { locale } from '../parts/format.ts';
import { t } from '../text/text.ts';
import type { Automation } from './state.ts';
import { timeIn } from './times.ts';

/** The state of an automation as people read it: paused, by hand, or its next start. */
export function stateOf({ paused, schedule, nextAt, hook, after }: Automation): string {
  if (paused) return t(`automations.pausedBy.${paused.by}`);
  if (!schedule && hook) return t('automations.byHook');
  if (!schedule && after) return t('automations.byRun');
  if (!schedule || nextAt === null) return t('automations.byHand');
  return t('automations.next', { at: timeIn(nextAt, schedule.timezone, locale()), zone: schedule.timezone });
}
