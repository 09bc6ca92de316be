import { tryOrNotify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';

export const openAutomations = (): void =>
  void tryOrNotify(t('automations.unread'), async () => (await import('./automations.tsx')).showAutomationsDialog());
