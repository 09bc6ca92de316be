import '../styles/all.css';
import { render } from 'preact';
import { followCurrent, onGone } from '../data/log.ts';
import { followAddress, leave } from '../data/route.ts';
import { openLine } from '../data/server.ts';
import { resetSessions, watchSessions } from '../data/sessions.ts';
import { meet } from '../data/system.ts';
import { takeToken } from '../data/token.ts';
import { searchMessages } from '../sessions/search.ts';
import { App } from './app.tsx';
import { badgeInTitle } from './badge.ts';
import { listenForKeys } from './keys.ts';
import { askToken } from './token-dialog.tsx';

async function start(): Promise<void> {
  takeToken();
  followAddress();
  onGone.leave = leave;
  const root = document.getElementById('root');
  if (root) render(<App />, root);
  listenForKeys();
  badgeInTitle();
  for (let isRetry = false; !(await meet()); isRetry = true) await askToken(isRetry);
  openLine(resetSessions);
  watchSessions();
  followCurrent();
  searchMessages();
}

void start();
