import { isMenuOpen } from '../app/layout.ts';
import { archive, pin } from '../data/actions.ts';
import type { Session } from '../data/sessions.ts';
import { statusOf } from '../data/status.ts';
import { Boundary } from '../parts/boundary.tsx';
import { IconButton } from '../parts/button.tsx';
import { timeOf } from '../parts/format.ts';
import { Icon } from '../parts/icon.tsx';
import { attempt } from '../parts/notice.tsx';
import { StatusDot } from '../parts/status.tsx';
import { t } from '../text/text.ts';
import { chosen, isChoosing, toggleChosen } from './choosing.ts';
import { nameOf } from './name.ts';
import { foundInMessages } from './search.ts';

export const SessionRow = ({ session, isCurrent }: { session: Session; isCurrent: boolean }) => (
  <Boundary instead={<a href={`#${session.id}`}>{session.id}</a>}>
    <Row session={session} isCurrent={isCurrent} />
  </Boundary>
);

function Row({ session, isCurrent }: { session: Session; isCurrent: boolean }) {
  const { id, unread, pinned } = session;
  const status = statusOf(session);
  const name = nameOf(session);
  return (
    <div class="session" role="listitem" data-status={status}>
      {isChoosing.value ? (
        <label class="session-link">
          <input type="checkbox" checked={chosen.value.has(id)} onChange={() => toggleChosen(id)} />
          <span class="session-name">{name}</span>
        </label>
      ) : (
        <a
          class="session-link"
          href={`#${id}`}
          aria-current={isCurrent ? 'page' : undefined}
          onClick={() => {
            isMenuOpen.value = false;
          }}
        >
          <StatusDot status={status} />
          <span class="session-words">
            <span class="session-name">{name}</span>
            <span class="session-when">
              {timeOf(Date.parse(session.latestMessageAt))}
              {status !== 'finished' && status !== 'new' && ` · ${t(`status.${status}`)}`}
              {session.forkedFrom && ` · ${t('isFork')}`}
              {foundInMessages.value.has(id) && ` · ${t('foundInside')}`}
            </span>
          </span>
          {pinned && <Icon name="pin" size={14} />}
          {unread > 0 && !isCurrent && (
            <span class="unread" role="img" aria-label={t('unread', { n: unread })}>
              {unread > 99 ? '99+' : unread}
            </span>
          )}
        </a>
      )}
      {!isChoosing.value && (
        <span class="session-tools">
          <IconButton
            class="small"
            icon="archive"
            label={t(session.archived ? 'unarchive' : 'archive', { name })}
            onClick={() => attempt(t('notSaved'), () => archive(id, !session.archived))}
          />
          <IconButton
            class="small pin"
            icon="pin"
            label={t(pinned ? 'unpin' : 'pin', { name })}
            onClick={() => attempt(t('notSaved'), () => pin(id, !pinned))}
          />
        </span>
      )}
    </div>
  );
}
