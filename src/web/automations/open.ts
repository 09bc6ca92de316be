import { attempt } from '../parts/notice.tsx';
import { t } from '../text/text.ts';

/** The automations load at their first use, because few people open them. */
export const openAutomations = (): void =>
  void attempt(t('automations.unread'), async () => (await import('./automations.tsx')).openAutomations());
