import { effect } from '@preact/signals';
import { current, onNews, sessions } from '../data/sessions.ts';
import { statusOf } from '../data/status.ts';
import { nameOf } from '../sessions/name.ts';
import { t } from '../text/text.ts';

/** The tab's title: how many sessions wait for the person, and the selected one. Tells of the end of work, if allowed. */
export function badgeInTitle(): void {
  effect(() => {
    const waiting = sessions.value.filter(({ status }) => status === 'waiting').length;
    const session = current.value;
    const sign = session && statusOf(session) === 'running' ? '● ' : '';
    const name = session ? `${nameOf(session)} · Corral` : 'Corral';
    document.title = `${waiting > 0 ? `(${waiting}) ` : ''}${sign}${name}`;
  });
  onNews(({ type, session }, before) => {
    if (type === 'deleted' || !before || before.status === session.status || document.visibilityState === 'visible')
      return;
    if (typeof Notification === 'undefined' || Notification.permission !== 'granted') return;
    const status = statusOf(session);
    if (status !== 'waiting' && status !== 'finished' && status !== 'failed') return;
    const text = { waiting: t('notifyWaits'), finished: t('notifyFinished'), failed: t('notifyFailed') }[status];
    const told = new Notification(nameOf(session), { body: text, tag: session.id, icon: '/static/icon.svg' });
    told.onclick = () => {
      focus();
      location.hash = session.id;
    };
  });
}
