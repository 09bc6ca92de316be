import { effect, signal } from '@preact/signals';
import { go } from '../data/route.ts';
import { current, onNews, type Session, sessions } from '../data/sessions.ts';
import { type Status, statusOf } from '../data/status.ts';
import { nameOf } from '../sessions/name.ts';
import { t } from '../text/text.ts';
import type { TextKey } from '../text/texts.ts';

/** The sessions whose work ended while the person looked elsewhere. */
const ended = signal<ReadonlySet<string>>(new Set());
const told: Partial<Record<Status, TextKey>> = {
  waiting: 'notifyWaits',
  finished: 'notifyFinished',
  failed: 'notifyFailed',
};
const signs: Partial<Record<Status, string>> = { running: '● ', waiting: '? ', failed: '✕ ' };

/**
 * The tab's title: how many sessions wait for the person or have ended unseen, and the selected one. Tells of both, if
 * allowed.
 */
export function badgeInTitle(): void {
  effect(() => {
    const waiting = sessions.value.filter(({ status }) => status === 'waiting').map(({ id }) => id);
    const count = new Set([...waiting, ...ended.value]).size;
    const session = current.value;
    const sign = session ? (signs[statusOf(session)] ?? '') : '';
    const name = session ? `${nameOf(session)} · Corral` : 'Corral';
    document.title = `${count > 0 ? `(${count}) ` : ''}${sign}${name}`;
  });
  addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') ended.value = new Set();
  });
  onNews(({ type, session }, before) => {
    if (type === 'deleted' || !before || document.visibilityState === 'visible') return;
    const status = statusOf(session);
    if (status === statusOf(before) || !(status in told)) return;
    if (status !== 'waiting') ended.value = new Set([...ended.value, session.id]);
    tell(session, status);
  });
}

function tell(session: Session, status: Status): void {
  if (typeof Notification === 'undefined' || Notification.permission !== 'granted') return;
  const key = told[status];
  if (!key) return;
  const shown = new Notification(nameOf(session), { body: t(key), tag: session.id, icon: '/static/icon.svg' });
  shown.onclick = () => {
    focus();
    go(session.id);
    shown.close();
  };
}
