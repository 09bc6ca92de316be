import type { Command } from '../app/command.ts';
import { currentId } from '../data/sessions.ts';
import { openAttempts } from './attempts.tsx';

export const attemptCommands: readonly Command[] = [
  {
    id: 'attempts.open',
    label: 'attempts.open',
    icon: 'fork',
    when: () => currentId.value !== undefined,
    run: () => {
      const id = currentId.value;
      if (id !== undefined) openAttempts(id);
    },
  },
];
