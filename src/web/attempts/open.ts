import { tryOrNotify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';

/** Loads the dialog's code on first use, because few people open it. */
export const openAttempts = (id: string): void =>
  void tryOrNotify(t('attempts.read'), async () => (await import('./attempts.tsx')).showAttemptsDialog(id));
