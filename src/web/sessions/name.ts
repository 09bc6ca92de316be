import { findTitleLine } from '../../core/text/text.ts';
import type { Session } from '../data/sessions.ts';
import { t } from '../text/text.ts';

/** Characters that the server accepts. */
export const maxTitle = 255;
const maxName = 300; // characters; the list truncates further, by width

export const sessionNameOf = ({ title, lastTask, name }: Pick<Session, 'title' | 'lastTask' | 'name'>): string =>
  (title || name || findTitleLine(lastTask)).slice(0, maxName) || t('newSession');
