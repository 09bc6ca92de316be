import type { PaletteCommand } from '../app/command.ts';
import { isMenuOpen } from '../app/layout.ts';
import { setSessionArchived, setSessionPinned } from '../data/actions.ts';
import { navigate } from '../data/route.ts';
import { currentId, currentSession, sessions } from '../data/sessions.ts';
import { openInbox } from '../inbox/inbox.tsx';
import { tryOrNotify } from '../parts/notice.tsx';
import { t } from '../text/text.ts';
import { isSelecting } from './choosing.ts';
import { confirmDelete } from './delete.ts';

function move(by: number): void {
  const list = sessions.value;
  const at = list.findIndex(({ id }) => id === currentId.value);
  const next = list[at < 0 ? 0 : at + by];
  if (next) navigate(next.id);
}

export const sessionCommands: readonly PaletteCommand[] = [
  {
    id: 'sessions.search',
    label: 'searchSessions',
    icon: 'search',
    keys: 'alt+f',
    run: () => {
      isMenuOpen.value = true;
      setTimeout(() => document.getElementById('search')?.focus(), 50);
    },
  },
  { id: 'inbox', label: 'inbox', icon: 'bell', keys: 'alt+i', run: openInbox },
  { id: 'sessions.next', label: 'nextSession', icon: 'down', keys: 'alt+j', run: () => move(1) },
  { id: 'sessions.previous', label: 'previousSession', icon: 'send', keys: 'alt+k', run: () => move(-1) },
  {
    id: 'sessions.pin',
    label: 'pinThis',
    icon: 'pin',
    when: () => currentSession.value !== undefined,
    run: () => {
      const session = currentSession.value;
      if (session) void tryOrNotify(t('notSaved'), () => setSessionPinned(session.id, !session.pinned));
    },
  },
  {
    id: 'sessions.archive',
    label: 'archiveThis',
    icon: 'archive',
    when: () => currentSession.value !== undefined,
    run: () => {
      const session = currentSession.value;
      if (session) void tryOrNotify(t('notSaved'), () => setSessionArchived(session.id, !session.archived));
    },
  },
  {
    id: 'session.rename',
    label: 'rename',
    icon: 'edit',
    keys: 'f2',
    when: () => currentSession.value !== undefined,
    run: () => document.querySelector<HTMLElement>('.title')?.focus(),
  },
  {
    id: 'session.delete',
    label: 'deleteThis',
    icon: 'trash',
    when: () => currentSession.value !== undefined,
    run: () => currentSession.value && confirmDelete(currentSession.value),
  },
  {
    id: 'sessions.choose',
    label: 'chooseMany',
    icon: 'trash',
    when: () => sessions.value.length > 0,
    run: () => {
      isMenuOpen.value = true;
      isSelecting.value = true;
    },
  },
];
