import { tryOrNotify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';

export const openAttempts = (id: string): void =>
  void tryOrNotify(t('attempts.read'), async () => (await import('./attempts.tsx')).showAttemptsDialog(id));
