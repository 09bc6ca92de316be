import type { Session } from '../data/sessions.ts';
import { t } from '../text/text.ts';

const maxName = 300; // characters; the list truncates further, by width

export const sessionNameOf = ({ title, lastTask, name }: Pick<Session, 'title' | 'lastTask' | 'name'>): string =>
  (title || name || findFirstTextLine(lastTask)).slice(0, maxName) || t('newSession');

/** Skips code fences, because a task can start with a code block. */
export const findFirstTextLine = (task: string): string =>
  task
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '' && !line.startsWith('```')) ?? '';
