import { tryOrNotify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';

/** Loads the dialog's code on first use, because few people open it. */
export const openAutomations = (): void =>
  void tryOrNotify(t('automations.unread'), async () => (await import('./automations.tsx')).showAutomationsDialog());
