import type { Command } from '../app/command.ts';
import { model } from '../data/log.ts';
import { current } from '../data/sessions.ts';
import { askFork } from './fork.tsx';
import { openShare } from './share-dialog.tsx';

const hasSession = () => current.value !== undefined;

export const sharingCommands: readonly Command[] = [
  {
    id: 'session.share',
    label: 'share.title',
    icon: 'share',
    keys: 'alt+s',
    when: hasSession,
    run: () => current.value && openShare(current.value),
  },
  {
    id: 'session.fork',
    label: 'fork.title',
    icon: 'fork',
    when: () => hasSession() && model.items.value.some(({ kind }) => kind === 'end'),
    run: () => askFork(),
  },
];
