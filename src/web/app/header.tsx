import { useLayoutEffect, useRef } from 'preact/hooks';
import { truncateEnd } from '../../core/text/text.ts';
import { workPaneWidth } from '../data/prefs.ts';
import { mutateWithRetry } from '../data/server.ts';
import { currentSession, currentSessionId, type Session } from '../data/sessions.ts';
import { currentSessionStatus, isCurrentSessionBusy } from '../data/status.ts';
import { serverInfo } from '../data/system.ts';
import { DelegationLinks } from '../delegation/tree.tsx';
import { inboxSessions } from '../inbox/needs.ts';
import { openSessionModelPicker } from '../models/session-model.ts';
import { effectiveModels, formatModelLabel } from '../models/state.ts';
import { focusWhenRendered } from '../parts/focus.ts';
import { formatShortcut } from '../parts/key-names.ts';
import { Button, ChipButton, IconButton } from '../parts/kit/button.tsx';
import { Menu } from '../parts/kit/menu.tsx';
import { StatusChip } from '../parts/kit/status.tsx';
import { useTightRow } from '../parts/kit/tight-row.ts';
import { notify, tryOrNotify } from '../parts/notice.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { confirmDeleteSession } from '../sessions/delete.ts';
import { maxTitle, sessionNameOf } from '../sessions/name.ts';
import { openShareDialog } from '../sharing/share-dialog.tsx';
import { t } from '../text/text.ts';
import { focusMessageBox, isSidebarOpen, openPalette, openSidebar, stopCurrentRun, toggleWorkPane } from './layout.ts';
import { listPaletteCommands } from './palette.tsx';

export function Header() {
  const session = currentSession.value;
  return (
    <header ref={useTightRow(2)} class="bar border-bottom row rigid">
      <MenuButton />
      {session ? (
        <Title key={session.id} session={session} />
      ) : (
        <h1 class="cut">{t(currentSessionId.value === undefined ? 'newSession' : 'loading')}</h1>
      )}
      {session && session.ownerName !== null && (
        <bdi class="cut quiet owner small-text">{t('ownedBy', { name: session.ownerName })}</bdi>
      )}
      {session && <ModelButton session={session} />}
      {session && <DelegationLinks session={session} />}
      {currentSessionId.value !== undefined && <StatusChip status={currentSessionStatus.value} />}
      {isCurrentSessionBusy.value && (
        <Button
          kind="danger"
          class="stop"
          icon="stop"
          title={t('stop')}
          label={<span>{t('stop')}</span>}
          onClick={({ detail }) => {
            stopCurrentRun();
            if (detail === 0) focusMessageBox(); // pressed by key: the button goes, and Enter must not press its neighbour
          }}
        />
      )}
      <span class="fill" />
      {session && (
        <IconButton class="wide-only" icon="share" label={t('share.title')} onClick={() => openShareDialog(session)} />
      )}
      <IconButton
        class="wide-only"
        icon="command"
        label={`${t('palette')} (${formatShortcut('mod+k')})`}
        onClick={openPalette}
      />
      {session && (
        <>
          <SessionMenu />
          <IconButton
            class="wide-only"
            icon="trash"
            label={t('deleteThis')}
            onClick={() => confirmDeleteSession(session)}
          />
          <IconButton
            class="wide-only"
            icon="panel"
            label={workPaneWidth.value > 0 ? t('hideWork') : t('showWork')}
            aria-pressed={workPaneWidth.value > 0}
            onClick={toggleWorkPane}
          />
        </>
      )}
    </header>
  );
}

function ModelButton({ session }: { session: Session }) {
  const model = session.model ?? effectiveModels.value?.model ?? serverInfo.value?.model ?? '';
  return (
    <span class="wide-only">
      <ChipButton
        icon="spark"
        label={t('model')}
        value={formatModelLabel(model)}
        onClick={() => openSessionModelPicker(session)}
      />
    </span>
  );
}

/** A title that arrives while the user is typing is applied afterwards, unless the user renames the session. */
function Title({ session }: { session: Session }) {
  const name = sessionNameOf(session);
  const field = useRef<HTMLSpanElement>(null);
  const before = useRef(name);
  useLayoutEffect(() => {
    if (field.current && field.current !== document.activeElement) field.current.textContent = name;
  }, [name, session.id]);
  const save = (node: HTMLElement) => {
    const text = (node.textContent ?? '').replace(/\s+/g, ' ').trim();
    const title = truncateEnd(text, maxTitle);
    const isKept = text === '' || text === before.current || text === name;
    node.textContent = isKept ? name : title;
    if (isKept) return;
    void tryOrNotify(t('notRenamed'), async () => {
      await mutateWithRetry('sessions.update', { id: session.id, title });
      if (title !== text) notify(t('titleCut', { n: maxTitle }), 'wait');
    });
  };
  return (
    <h1 class="cut">
      <span
        key={session.id}
        ref={field}
        class="title round cut"
        dir="auto"
        role="textbox"
        tabIndex={0}
        aria-label={t('rename')}
        title={t('rename')}
        contentEditable="plaintext-only"
        spellcheck={false}
        onFocus={() => {
          before.current = name;
        }}
        onBlur={({ currentTarget }) => {
          currentTarget.scrollLeft = 0; // typing scrolled it to its end
          save(currentTarget);
        }}
        onKeyDown={(event) => {
          const node = event.currentTarget;
          const key = pressedKeyOf(event);
          if (key === 'Escape') node.textContent = name;
          if (key === 'Enter') event.preventDefault();
          if (key === 'Enter' || key === 'Escape') focusMessageBox();
          if (!event.ctrlKey && !event.altKey && !event.metaKey) event.stopPropagation(); // shortcuts still work in this field
        }}
      />
    </h1>
  );
}

function MenuButton() {
  const waiting = inboxSessions.value.length;
  return (
    <IconButton
      class="menu-button"
      icon="menu"
      label={waiting === 0 ? t('menu') : `${t('menu')} · ${t('inbox')}: ${waiting}`}
      data-waits={waiting > 0}
      aria-expanded={isSidebarOpen.value}
      aria-controls="sidebar"
      onClick={() => {
        openSidebar();
        focusWhenRendered(() => document.querySelector('#sidebar .button'));
      }}
    />
  );
}

const shown = [
  'session.share',
  'session.fork',
  'attempts.open',
  'session.model',
  'sessions.pin',
  'sessions.unpin',
  'sessions.archive',
  'sessions.unarchive',
  'session.rename',
  'session.delete',
];

const SessionMenu = () => (
  <Menu
    class="narrow-only"
    items={[
      ...listPaletteCommands()
        .filter(({ id }) => shown.includes(id))
        .map((command) => ({ ...command, label: t(command.label) })),
      { id: 'all', label: t('palette'), icon: 'command', run: openPalette },
    ]}
  />
);
