import '../styles/all.css';
import { effect, signal } from '@preact/signals';
import { render } from 'preact';
import { useState } from 'preact/hooks';
import { followCurrentSession } from '../data/log.ts';
import { consumeSignInErrorFromUrl, currentUser, loadCurrentUser } from '../data/people.ts';
import { navigateToSession, watchUrl } from '../data/route.ts';
import { connectionState, connectToServer, fetchWithToken, mutate } from '../data/server.ts';
import {
  currentSession,
  currentSessionId,
  markSessionsUnconfirmed,
  onSessionChange,
  type Session,
  sessions,
  watchSessions,
} from '../data/sessions.ts';
import { type DisplayStatus, toDisplayStatus } from '../data/status.ts';
import { loadServerInfo } from '../data/system.ts';
import { consumeTokenFromUrl, takeUrlParameters } from '../data/token.ts';
import { warmParser } from '../parsing/parse.ts';
import { findTooLongText } from '../parts/bounded-text.ts';
import { focusWhenRendered, preserveFocus } from '../parts/focus.ts';
import { formatCount } from '../parts/format.ts';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { OneTimeSecret } from '../parts/kit/resource-list.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { dismissError, notify } from '../parts/notice.tsx';
import { pressedKeyOf } from '../parts/pressed-key.ts';
import { sessionNameOf } from '../sessions/name.ts';
import { watchSessionSearch } from '../sessions/search.ts';
import { openSettings } from '../settings/settings.tsx';
import { completeToolServerSignIn, consumeAuthorizationResponse } from '../settings/tool-servers/sign-in.ts';
import { t } from '../text/text.ts';
import type { TextKey } from '../text/texts.ts';
import { watchPorts } from '../work/preview/state.ts';
import { showResultsAfterRuns } from '../work/results.ts';
import { App } from './app.tsx';
import { findMenuButton, isPaletteOpen, isSidebarOpen, narrow, visiblePane } from './layout.ts';
import { listPaletteCommands } from './palette.tsx';
import { promptForToken } from './token-dialog.tsx';

const ended = signal<ReadonlySet<string>>(new Set());
const announcements: Partial<Record<DisplayStatus, TextKey>> = {
  waiting: 'notifyWaits',
  finished: 'notifyFinished',
  failed: 'notifyFailed',
};
const signs: Partial<Record<DisplayStatus, string>> = { running: '● ', waiting: '? ', failed: '✕ ' };

/** The number in the title counts sessions that are waiting, or that ended while the page was hidden. */
function badgeInTitle(): void {
  effect(() => {
    const waiting = sessions.value.filter(({ status }) => status === 'waiting').map(({ id }) => id);
    const count = new Set([...waiting, ...ended.value]).size;
    const session = currentSession.value;
    const sign = session ? (signs[toDisplayStatus(session)] ?? '') : '';
    const name = session ? `${sessionNameOf(session)} · Corral` : 'Corral';
    document.title = `${count > 0 ? `(${count}) ` : ''}${sign}${name}`;
  });
  addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') ended.value = new Set();
  });
  onSessionChange(({ type, session }, before) => {
    if (type === 'deleted' || !before || document.visibilityState === 'visible') return;
    const status = toDisplayStatus(session);
    if (status === toDisplayStatus(before) || !(status in announcements)) return;
    if (status !== 'waiting') ended.value = new Set([...ended.value, session.id]);
    tell(session, status);
  });
}

function tell(session: Session, status: DisplayStatus): void {
  if (typeof Notification === 'undefined' || Notification.permission !== 'granted') return;
  const key = announcements[status];
  if (!key) return;
  const shown = new Notification(sessionNameOf(session), { body: t(key), tag: session.id, icon: '/static/icon.svg' });
  shown.onclick = () => {
    focus();
    navigateToSession(session.id);
    shown.close();
  };
}

const pressed = (event: KeyboardEvent): string =>
  [
    event.ctrlKey || event.metaKey ? 'mod+' : '',
    event.altKey ? 'alt+' : '',
    // With Alt, some keyboards produce other characters, so the key's position is used.
    event.altKey && /^Key[A-Z]$/.test(event.code)
      ? event.code.slice(3).toLowerCase()
      : pressedKeyOf(event).toLowerCase(),
  ].join('');

function listenForKeys(): void {
  addEventListener('keydown', (event) => {
    const keys = pressed(event);
    if (keys === 'mod+k') {
      event.preventDefault();
      isPaletteOpen.value = !isPaletteOpen.value;
      return;
    }
    if (document.querySelector('dialog[open]')) return;
    const isEscape = pressedKeyOf(event) === 'Escape';
    if (isEscape) notify('');
    if (isEscape && isSidebarOpen.value) closeSidebar();
    const command = listPaletteCommands().find((one) => one.keys === keys);
    if (!command) return;
    event.preventDefault();
    isSidebarOpen.value = false;
    command.run();
  });
}

/** Absent from browsers other than Chromium. */
declare const CloseWatcher: (new () => EventTarget & { destroy(): void }) | undefined;

/** Android's Back closes the sidebar, as it closes a dialog. */
function closeSidebarOnBack(): void {
  if (typeof CloseWatcher === 'undefined') return;
  effect(() => {
    if (!isSidebarOpen.value) return undefined;
    const back = new CloseWatcher();
    back.addEventListener('close', closeSidebar);
    return () => back.destroy();
  });
}

function closeSidebar(): void {
  isSidebarOpen.value = false;
  focusWhenRendered(findMenuButton);
}

/** Without this, the browser opens a dropped file in place of the page. */
function catchDrops(): void {
  const refuse = (event: DragEvent) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'none';
  };
  addEventListener('dragover', refuse);
  addEventListener('drop', refuse);
}

function noticeCutPastes(): void {
  addEventListener('beforeinput', (event) => {
    if (event.defaultPrevented || findTooLongText(event) === undefined) return;
    notify(t('pasteCut', { n: formatCount((event.target as HTMLInputElement).maxLength) }), 'wait');
  });
}

/** Prompts the user to sign in again when the sign-in expires or is revoked. */
function followEnd(): void {
  let isAsking = false;
  effect(() => {
    if (connectionState.value !== 'broken' || isAsking || !currentUser.peek()?.person) return;
    isAsking = true;
    void (async () => {
      const isOver = async () => (await fetchWithToken('/api/v1/people/me').catch(() => undefined))?.status === 401;
      while (await isOver()) await promptForToken(false);
      isAsking = false;
    })();
  });
}

async function start(): Promise<void> {
  consumeTokenFromUrl();
  const answer = consumeAuthorizationResponse();
  watchUrl();
  if (currentSessionId.peek() !== undefined) warmParser();
  const root = document.getElementById('root');
  if (root) render(<App />, root);
  listenForKeys();
  closeSidebarOnBack();
  preserveFocus();
  catchDrops();
  noticeCutPastes();
  matchMedia(narrow).addEventListener('change', () => {
    isSidebarOpen.value = false;
  });
  badgeInTitle();
  effect(() => {
    if (currentSessionId.value !== undefined) visiblePane.value = 'chat'; // matters only on a phone
    isSidebarOpen.value = false;
    dismissError();
  });
  for (let isRetry = false; !(await loadServerInfo()); isRetry = true) await promptForToken(isRetry);
  consumeSignInErrorFromUrl();
  document.addEventListener(
    'visibilitychange',
    () => void (document.visibilityState === 'visible' && loadServerInfo()),
  );
  connectToServer(() => {
    markSessionsUnconfirmed();
    void loadCurrentUser(); // the previous socket may have closed because the role changed
  });
  followEnd();
  const command = takeCommandRequest();
  if (command) showDialog(<AllowCommand {...command} />);
  watchSessions();
  followCurrentSession();
  watchPorts();
  showResultsAfterRuns();
  watchSessionSearch();
  if (answer) {
    await completeToolServerSignIn(answer);
    openSettings('tool-servers');
  }
}

void start();

// `corral login` opens the page with a challenge, and gets a code through its local port or from the user.

/** `port` is undefined if the command runs on another machine. */
function takeCommandRequest() {
  const [challenge = ''] = takeUrlParameters('login');
  if (challenge === '') return undefined;
  const [agent = '', port = '', state = ''] = takeUrlParameters('command', 'port', 'state');
  return { challenge, agent: agent.slice(0, 100), port: /^\d{1,5}$/.test(port) ? port : undefined, state };
}

function AllowCommand({ challenge, agent, port, state }: NonNullable<ReturnType<typeof takeCommandRequest>>) {
  const [code, setCode] = useState<string>();
  const [trouble, tryIt] = useActionError();
  const allow = () =>
    tryIt(t('login.notAllowed'), async () => {
      const made = await mutate('people.allowCommand', { challenge, agent });
      if (port === undefined) setCode(made.code);
      else location.assign(`http://127.0.0.1:${port}/?${new URLSearchParams({ code: made.code, state })}`);
    });
  return (
    <Dialog title={t('login.title')}>
      <p>{t('login.ask', { name: agent })}</p>
      {code === undefined ? (
        <div class="row">
          <Button kind="primary" label={t('login.allow')} onClick={allow} />
          <Button label={t('cancel')} onClick={closeDialog} />
        </div>
      ) : (
        <OneTimeSecret label={t('login.code')} text={code} />
      )}
      <FormError text={trouble} />
    </Dialog>
  );
}
