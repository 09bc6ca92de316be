import { go } from '../data/route.ts';
import { currentId, sessions } from '../data/sessions.ts';
import { statusOf } from '../data/status.ts';
import { Button } from '../parts/button.tsx';
import { StatusDot } from '../parts/status.tsx';
import { t } from '../text/text.ts';
import { nameOf } from './name.ts';

export const Sidebar = () => (
  <nav id="sidebar" aria-label={t('sessions')}>
    <div class="brand">
      <img src="/static/icon.svg" alt="" width="26" height="26" /> Corral
    </div>
    <Button icon="plus" onClick={() => go(undefined)}>
      {t('newSession')}
    </Button>
    <ul id="sessions">
      {sessions.value.map((session) => (
        <li key={session.id}>
          <a href={`#${session.id}`} aria-current={session.id === currentId.value ? 'page' : undefined}>
            <StatusDot status={statusOf(session)} /> {nameOf(session)}
          </a>
        </li>
      ))}
    </ul>
  </nav>
);
