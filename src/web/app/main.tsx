import '../styles/all.css';
import { render } from 'preact';
import { followCurrent, model, onGone } from '../data/log.ts';
import { followAddress, leave } from '../data/route.ts';
import { connect } from '../data/server.ts';
import { currentId, resetSessions, watchSessions } from '../data/sessions.ts';
import { meet } from '../data/system.ts';
import { takeToken } from '../data/token.ts';
import { warmParser } from '../parsing/parse.ts';
import { notify } from '../parts/notice.tsx';
import { pressedKey } from '../parts/pressed-key.ts';
import { searchMessages } from '../sessions/search.ts';
import { openSettings } from '../settings/settings.tsx';
import { endSignIn, takeSignIn } from '../settings/tool-servers/sign-in.ts';
import { t } from '../text/text.ts';
import { followPorts } from '../work/preview/state.ts';
import { followResults } from '../work/results.ts';
import { App } from './app.tsx';
import { badgeInTitle } from './badge.ts';
import { commands } from './commands.ts';
import { isMenuOpen } from './layout.ts';
import { isPaletteOpen } from './palette-state.ts';
import { askToken } from './token-dialog.tsx';

const pressed = (event: KeyboardEvent): string =>
  [
    event.ctrlKey || event.metaKey ? 'mod+' : '',
    event.altKey ? 'alt+' : '',
    // With alt, some keyboards write other signs, so the place of the key counts.
    event.altKey && /^Key[A-Z]$/.test(event.code) ? event.code.slice(3).toLowerCase() : pressedKey(event).toLowerCase(),
  ].join('');

function listenForKeys(): void {
  addEventListener('keydown', (event) => {
    const keys = pressed(event);
    if (keys === 'mod+k') {
      event.preventDefault();
      isPaletteOpen.value = !isPaletteOpen.value;
      return;
    }
    if (pressedKey(event) === 'Escape' && isMenuOpen.value) isMenuOpen.value = false;
    if (document.querySelector('dialog[open]')) return;
    const command = commands().find((one) => one.keys === keys);
    if (!command) return;
    event.preventDefault();
    command.run();
  });
}

/** A file that misses the place for uploads is refused: the browser would open it in place of the page. */
function catchDrops(): void {
  const refuse = (event: DragEvent) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'none';
  };
  addEventListener('dragover', refuse);
  addEventListener('drop', refuse);
}

async function start(): Promise<void> {
  takeToken();
  const answer = takeSignIn();
  followAddress();
  if (currentId.peek() !== undefined) warmParser(); // it loads while the session comes
  onGone.leave = leaveGone;
  const root = document.getElementById('root');
  if (root) render(<App />, root);
  listenForKeys();
  catchDrops();
  badgeInTitle();
  for (let isRetry = false; !(await meet()); isRetry = true) await askToken(isRetry);
  connect(resetSessions);
  watchSessions();
  followCurrent();
  followPorts();
  followResults();
  searchMessages();
  if (answer) {
    await endSignIn(answer);
    openSettings('tool-servers');
  }
}

/** A session whose messages were on the page has been deleted; of another one nobody knows. */
function leaveGone(id: string): void {
  const wasShown = model.seq > 0;
  if (leave(id)) notify(t(wasShown ? 'sessionDeleted' : 'sessionMissing'));
}

void start();
