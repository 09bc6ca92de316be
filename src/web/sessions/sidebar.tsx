import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { findMenuButton, focusMessageBox, isSidebarOpen } from '../app/layout.ts';
import { openAutomations } from '../automations/open.ts';
import { setSessionArchived, stopRun } from '../data/actions.ts';
import { currentUser, signOut } from '../data/people.ts';
import { navigateToSession } from '../data/route.ts';
import { mutate } from '../data/server.ts';
import { areSessionsLoaded, currentSessionId, sessions } from '../data/sessions.ts';
import { toDisplayStatus } from '../data/status.ts';
import { serverInfo } from '../data/system.ts';
import { openInbox } from '../inbox/inbox.tsx';
import { inboxSessions } from '../inbox/needs.ts';
import { effectiveModels, formatModelLabel } from '../models/state.ts';
import { focusWhenRendered } from '../parts/focus.ts';
import { findLocale } from '../parts/format.ts';
import { minuteClock } from '../parts/kit/ago.tsx';
import { Button, IconButton } from '../parts/kit/button.tsx';
import { confirmAction } from '../parts/kit/dialog.tsx';
import { Icon, type IconName } from '../parts/kit/icon.tsx';
import { Menu } from '../parts/kit/menu.tsx';
import { notify } from '../parts/notice.tsx';
import { isTouchDevice } from '../parts/touch.ts';
import { VirtualList } from '../parts/virtual-list.tsx';
import { openSettings } from '../settings/settings.tsx';
import { openSkills } from '../skills/skills.tsx';
import { t } from '../text/text.ts';
import { isSelectingSessions, selectedSessionIds, stopSelectingSessions } from './choosing.ts';
import { FilterBar, SelectSessionsButton } from './filter-bar.tsx';
import { filteredSessions, hasSessionFilter, loadProjects } from './filters.ts';
import { filterSessions, toSessionListRows } from './groups.ts';
import { SessionRow } from './row.tsx';
import { isSearchingSessions, matchingSessionIds, sessionSearchText } from './search.ts';

const rowHeight = 44; // must match sessions.css

const isArchiveOpen = signal(false);
const isFilterOpen = signal(false);

const rows = computed(() => {
  const isSearch = sessionSearchText.value.trim() !== '';
  const shown = filterSessions(filteredSessions.value, sessionSearchText.value, matchingSessionIds.value);
  return toSessionListRows(
    { sessions: shown, withArchive: isSearch || isArchiveOpen.value, now: minuteClock.value },
    { pinned: t('pinned'), today: t('today'), yesterday: t('yesterday'), date: dateOf },
  );
});

const shownIds = computed<readonly string[]>(() =>
  rows.value.flatMap((row) => (row.kind === 'session' ? [row.session.id] : [])),
);

function dateOf(at: Date): string {
  const isThisYear = at.getFullYear() === new Date(minuteClock.value).getFullYear();
  const year = isThisYear ? {} : ({ year: 'numeric' } as const);
  return at.toLocaleDateString(findLocale(), { weekday: 'long', day: 'numeric', month: 'long', ...year });
}

/** Focuses the menu button, to which a closing dialog returns the focus. */
const leavingMenu = (open: () => void) => () => {
  if (!isSidebarOpen.value) return open();
  isSidebarOpen.value = false;
  setTimeout(() => {
    findMenuButton()?.focus();
    open();
  });
};

export function Sidebar() {
  useEffect(() => void loadProjects().catch(() => {}), []);
  const shown = rows.value;
  const at = shown.findIndex((row) => row.kind === 'session' && row.session.id === currentSessionId.value);
  return (
    <nav id="sidebar" aria-label={t('sessions')}>
      <div class="row brand bold">
        <img src="/static/icon.svg" alt="" width="26" height="26" /> Corral
        <span class="fill" />
        <a class="icon-button" href="/guide" target="_blank" rel="noopener" aria-label={t('guide')} title={t('guide')}>
          <Icon name="help" />
        </a>
        <IconButton icon="gear" label={t('settings')} onClick={leavingMenu(openSettings)} />
        {currentUser.value?.person && (
          <Menu
            icon="person"
            label={currentUser.value.name ?? currentUser.value.email ?? t('account')}
            items={[
              { id: 'account', label: t('account'), icon: 'gear', run: () => openSettings('account') },
              { id: 'sign-out', label: t('account.signOut'), icon: 'back', run: () => void signOut() },
            ]}
          />
        )}
      </div>
      <Button class="rigid" icon="plus" label={t('newSession')} onClick={leavingMenu(newSession)} />
      <button
        type="button"
        class="row inbox-button padded round"
        data-waits={inboxSessions.value.length > 0}
        aria-haspopup="dialog"
        onClick={leavingMenu(openInbox)}
      >
        <Icon name="bell" size={16} /> {t('inbox')}
        {inboxSessions.value.length > 0 && (
          <span class="unread bold small-text rigid">
            {inboxSessions.value.length > 99 ? '99+' : inboxSessions.value.length}
          </span>
        )}
      </button>
      <MenuRow icon="clock" label={t('automations')} open={openAutomations} />
      <MenuRow icon="book" label={t('skills')} open={openSkills} />
      <div class="row search-row rigid">
        <div class="search fill">
          <Icon name="search" size={16} />
          <input
            id="search"
            type="search"
            aria-label={t('searchSessions')}
            placeholder={t('list.search')}
            value={sessionSearchText.value}
            onInput={(event) => {
              sessionSearchText.value = event.currentTarget.value;
            }}
          />
        </div>
        {(sessions.value.length > 0 || hasSessionFilter.value) && (
          <IconButton
            icon="filter"
            label={t('filter.title')}
            aria-pressed={isFilterOpen.value || hasSessionFilter.value}
            onClick={() => {
              isFilterOpen.value = !isFilterOpen.value;
            }}
          />
        )}
        {sessions.value.length > 0 && <SelectSessionsButton />}
      </div>
      {(isFilterOpen.value || hasSessionFilter.value) && <FilterBar />}
      {shown.length > 0 ? (
        <VirtualList
          class="sessions fill"
          label={t('sessions')}
          count={shown.length}
          rowHeight={rowHeight}
          shown={at}
          row={(index) => {
            const row = shown[index];
            if (row?.kind === 'archive') return <ArchiveRow key="archive" count={row.count} />;
            if (row?.kind !== 'session') {
              return (
                <div key={`day ${row?.label}`} class="day quiet bold small-text" role="listitem">
                  {row?.label}
                </div>
              );
            }
            return (
              <SessionRow
                key={row.session.id}
                session={row.session}
                isNested={row.isNested === true}
                isCurrent={row.session.id === currentSessionId.value}
                order={shownIds}
              />
            );
          }}
        />
      ) : (
        <p class="quiet empty fill">{emptyText()}</p>
      )}
      <BulkActionBar shown={shownIds} />
      {!isSelectingSessions.value && serverInfo.value && (
        <p
          id="about"
          class="cut quiet"
        >{`${formatModelLabel(effectiveModels.value?.model ?? serverInfo.value.model)} · ${serverInfo.value.driver} · ${serverInfo.value.version}`}</p>
      )}
    </nav>
  );
}

interface MenuRowProps {
  readonly icon: IconName;
  readonly label: string;
  readonly open: () => void;
}
const MenuRow = ({ icon, label, open }: MenuRowProps) => (
  <button type="button" class="row inbox-button padded round" aria-haspopup="dialog" onClick={leavingMenu(open)}>
    <Icon name={icon} size={16} /> {label}
  </button>
);

function emptyText(): string {
  if (sessionSearchText.value === '' && hasSessionFilter.value) return t('noMatch');
  if (sessionSearchText.value !== '') return isSearchingSessions.value ? t('searching') : t('noMatch');
  return areSessionsLoaded.value ? t('noSessions') : t('connecting');
}

const ArchiveRow = ({ count }: { count: number }) => (
  <div class="day quiet bold small-text archive" role="listitem">
    <button
      type="button"
      aria-expanded={isArchiveOpen.value}
      onClick={() => {
        isArchiveOpen.value = !isArchiveOpen.value;
      }}
    >
      <Icon name="archive" size={15} /> {t('archived', { n: count })} <Icon name="chevron" size={13} />
    </button>
  </div>
);

function newSession() {
  navigateToSession(undefined);
  setTimeout(() => document.getElementById('message')?.focus(), 30);
}

type BulkKind = 'delete' | 'stop' | 'archive';
interface BulkWork {
  readonly kind: BulkKind;
  readonly ids: readonly string[];
}
const running = signal<(BulkWork & { readonly done: number; readonly end: AbortController }) | undefined>(undefined);

const portion = 8; // sessions per batch; few, so that the progress advances steadily

/** Resolves with the number of sessions that could not be changed. */
async function workOn({ kind, ids }: BulkWork): Promise<number> {
  if (kind === 'delete') {
    const { kept } = await mutate('sessions.deleteMany', { ids: [...ids] });
    return kept.filter(({ code }) => code !== 'session_not_found').length; // children are deleted with their parent
  }
  const one = (id: string) => (kind === 'stop' ? stopRun(id) : setSessionArchived(id, true));
  const outcomes = await Promise.allSettled(ids.map(one));
  return outcomes.filter(({ status }) => status === 'rejected').length;
}

async function workOnAll(work: BulkWork): Promise<void> {
  const end = new AbortController();
  const open = currentSessionId.peek();
  let failed = 0;
  let done = 0;
  if (work.kind !== 'stop') stopSelectingSessions(); // users often delete stopped sessions, so these stay selected
  if (isSidebarOpen.value && work.kind !== 'stop') focusWhenRendered(() => document.querySelector('#sidebar .button'));
  try {
    while (done < work.ids.length && !end.signal.aborted) {
      running.value = { ...work, done, end };
      const ids = work.ids.slice(done, done + portion);
      failed += await workOn({ kind: work.kind, ids }).catch(() => ids.length); // on an error, any of them may be unchanged
      done += ids.length;
    }
  } finally {
    running.value = undefined;
  }
  if (work.kind === 'stop') focusWhenRendered(() => document.querySelector('.chosen-bar .button'));
  else if (currentSessionId.peek() !== open && !isTouchDevice()) focusMessageBox();
  if (failed > 0) notify(t(work.kind === 'delete' ? 'someStayed' : 'bulk.someFailed', { n: failed }), 'bad');
  else notify(t(`bulk.${work.kind}.done`, { n: done }));
}

const isBusy = (id: string): boolean => {
  const session = sessions.value.find((one) => one.id === id);
  return session !== undefined && ['running', 'waiting'].includes(toDisplayStatus(session));
};

function BulkActionBar({ shown }: { readonly shown: ReadonlySignal<readonly string[]> }) {
  const work = running.value;
  if (work) return <Progress work={work} />;
  if (!isSelectingSessions.value) return null;
  const ids = [...selectedSessionIds.value];
  const busy = ids.filter(isBusy);
  const askDelete = () =>
    confirmAction({
      title: t('deleteMany', { n: ids.length }),
      text: t('deleteManyTells', { n: ids.length }),
      yes: t('delete'),
      act: () => void workOnAll({ kind: 'delete', ids }),
    });
  return (
    <fieldset class="row chosen-bar small-text wrap rigid" aria-label={t('chosen', { n: ids.length })}>
      <span role="status">{t('chosen', { n: ids.length })}</span>
      <Button
        class="small"
        label={t('chooseAll')}
        onClick={() => {
          selectedSessionIds.value = new Set(shown.value);
        }}
      />
      <IconButton class="small" icon="close" label={t('cancel')} onClick={stopSelectingSessions} />
      <div class="chosen-actions wrap">
        <Button
          class="small"
          label={t('stop')}
          disabled={busy.length === 0}
          onClick={() => void workOnAll({ kind: 'stop', ids: busy })}
        />
        <Button
          class="small"
          label={t('bulk.archive')}
          disabled={ids.length === 0}
          onClick={() => void workOnAll({ kind: 'archive', ids })}
        />
        <Button class="small" kind="danger" label={t('delete')} disabled={ids.length === 0} onClick={askDelete} />
      </div>
      <p class="quiet">{t('chooseTells')}</p>
    </fieldset>
  );
}

function Progress({ work }: { work: NonNullable<typeof running.value> }) {
  const [isEnding, setEnding] = useState(false);
  const words = t(`bulk.${work.kind}.doing`, { done: work.done, n: work.ids.length });
  return (
    <div class="row chosen-bar small-text wrap rigid">
      <span role="status">{words}</span>
      <Button
        class="small"
        label={t('bulk.end')}
        disabled={isEnding}
        onClick={() => {
          setEnding(true);
          work.end.abort();
        }}
      />
      <progress value={work.done} max={work.ids.length} aria-label={words} />
    </div>
  );
}
