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
import { searchMessages } from '../sessions/search.ts';
import { openSettings } from '../settings/open.tsx';
import { endSignIn, takeSignIn } from '../settings/tool-servers/sign-in.ts';
import { t } from '../text/text.ts';
import { followPorts } from '../work/preview/state.ts';
import { followResults } from '../work/results.ts';
import { App } from './app.tsx';
import { badgeInTitle } from './badge.ts';
import { catchDrops } from './drops.ts';
import { listenForKeys } from './keys.ts';
import { askToken } from './token-dialog.tsx';

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
