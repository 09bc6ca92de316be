import type { Session } from '../data/sessions.ts';
import { t } from '../text/text.ts';

export const nameOf = ({ title, lastTask }: Pick<Session, 'title' | 'lastTask'>): string =>
  title || lastTask || t('newSession');
