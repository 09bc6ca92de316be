import type { ReadonlySignal } from '@preact/signals';
import { focusMessageBox, isSidebarOpen } from '../app/layout.ts';
import { setSessionArchived, setSessionPinned } from '../data/actions.ts';
import type { Session } from '../data/sessions.ts';
import { toDisplayStatus } from '../data/status.ts';
import { ErrorBoundary } from '../parts/boundary.tsx';
import { RelativeTime } from '../parts/kit/ago.tsx';
import { IconButton } from '../parts/kit/button.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { StatusDot } from '../parts/kit/status.tsx';
import { tryOrNotify } from '../parts/notice.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { isTouchDevice } from '../parts/touch.ts';
import { t } from '../text/text.ts';
import { isSelectingSessions, selectedSessionIds, selectSessionRange, toggleSessionSelection } from './choosing.ts';
import { sessionNameOf } from './name.ts';
import { matchingSessionIds } from './search.ts';

interface Props {
  readonly session: Session;
  readonly isCurrent: boolean;
  readonly isNested: boolean;
  readonly order: ReadonlySignal<readonly string[]>;
}

export const SessionRow = (props: Props) => (
  <ErrorBoundary instead={<a href={`#${props.session.id}`}>{props.session.id}</a>}>
    <Row {...props} />
  </ErrorBoundary>
);

function parentText({ attempts, n }: NonNullable<Session['parent']>): string {
  if (!attempts) return t('delegation.isChild');
  return n === undefined ? t('attempts.attempt') : `${t('attempts.attempt')} ${n}`;
}

function SessionWords({ session, status }: { session: Session; status: ReturnType<typeof toDisplayStatus> }) {
  const name = sessionNameOf(session);
  return (
    <span class="session-words grid fill">
      <span class="cut session-name" dir="auto">
        {name}
      </span>
      <span class="cut quiet small-text">
        <RelativeTime at={session.latestMessageAt} />
        {session.ownerName !== null && (
          <>
            {' · '}
            <bdi>{t('ownedBy', { name: session.ownerName })}</bdi>
          </>
        )}
        {status !== 'finished' && status !== 'new' && ` · ${t(`status.${status}`)}`}
        {session.name !== null && session.name !== name && ` · ${session.name}`}
        {session.parent && ` · ${parentText(session.parent)}`}
        {session.forkedFrom && ` · ${t(session.branch ? 'branch.is' : 'isFork')}`}
        {matchingSessionIds.value.has(session.id) && ` · ${t('foundInside')}`}
      </span>
    </span>
  );
}

function Row({ session, isCurrent, isNested, order }: Props) {
  const { id, unread, pinned } = session;
  const status = toDisplayStatus(session);
  const name = sessionNameOf(session);
  return (
    <div class="session" role="listitem" data-status={status} data-nested={isNested}>
      {isSelectingSessions.value ? (
        // biome-ignore lint/a11y/useKeyWithClickEvents: a key that presses the box clicks, too
        <label
          class="row session-link round choosing"
          onClick={(event) => {
            // A click forwarded by a label does not report the Shift key.
            const box = event.currentTarget.querySelector('input');
            if (event.target !== box) event.preventDefault();
            box?.focus();
            if (event.shiftKey) selectSessionRange(id, order.value);
            else toggleSessionSelection(id);
          }}
        >
          <input
            type="checkbox"
            data-id={id}
            checked={selectedSessionIds.value.has(id)}
            onKeyDown={(event) => moveBox(event, order.value)}
          />
          <StatusDot status={status} />
          <SessionWords session={session} status={status} />
        </label>
      ) : (
        <a
          class="row session-link round"
          href={`#${id}`}
          aria-current={isCurrent ? 'page' : undefined}
          onClick={() => {
            if (isSidebarOpen.value && !isTouchDevice()) setTimeout(focusMessageBox);
            isSidebarOpen.value = false;
          }}
        >
          <StatusDot status={status} />
          <SessionWords session={session} status={status} />
          {pinned && <Icon name="pin" size={14} />}
          {unread > 0 && !isCurrent && (
            <span class="unread bold small-text rigid" role="img" aria-label={t('unread', { n: unread })}>
              {unread > 99 ? '99+' : unread}
            </span>
          )}
        </a>
      )}
      {!isSelectingSessions.value && (
        <span class="session-tools round">
          <IconButton
            class="small"
            icon="archive"
            label={t(session.archived ? 'unarchive' : 'archive', { name })}
            onClick={() => tryOrNotify(t('notSaved'), () => setSessionArchived(id, !session.archived))}
          />
          <IconButton
            class="small pin"
            icon="pin"
            label={t(pinned ? 'unpin' : 'pin', { name })}
            onClick={() => tryOrNotify(t('notSaved'), () => setSessionPinned(id, !pinned))}
          />
        </span>
      )}
    </div>
  );
}

function moveBox(event: KeyboardEvent, order: readonly string[]): void {
  const by = pressedKeyOf(event) === 'ArrowDown' ? 1 : pressedKeyOf(event) === 'ArrowUp' ? -1 : 0;
  const box = event.currentTarget as HTMLInputElement;
  const { id = '' } = box.dataset;
  const next = order[order.indexOf(id) + by];
  if (by === 0 || next === undefined) return;
  event.preventDefault();
  if (event.shiftKey) {
    if (!selectedSessionIds.value.has(id)) toggleSessionSelection(id);
    selectSessionRange(next, order);
  }
  box.closest('.sessions')?.querySelector<HTMLElement>(`[data-id="${next}"]`)?.focus();
}
