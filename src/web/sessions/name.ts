import type { Session } from '../data/sessions.ts';
import { t } from '../text/text.ts';

const maxName = 300; // characters; the list truncates the name further, by width

export const sessionNameOf = ({ title, lastTask, name }: Pick<Session, 'title' | 'lastTask' | 'name'>): string =>
  (title || name || readFirstWords(lastTask)).slice(0, maxName) || t('newSession');

/** The first line of a task with words in it. A task can begin with a block of code. */
export const readFirstWords = (task: string): string =>
  task
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '' && !line.startsWith('```')) ?? '';
