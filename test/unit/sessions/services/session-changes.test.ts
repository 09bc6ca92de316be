import { expect, test } from 'vitest';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import { SessionChangeFeed } from '../../../../src/sessions/services/session-list.ts';
import { stored } from '../../../support/machines/session-parts.ts';
import { newSession } from '../../../support/stores/store.ts';

const [one, two]: [SessionRecord, SessionRecord] = [stored({ id: newSession() }), stored({ id: newSession() })];
const titled = (session: SessionRecord, title: string): SessionRecord => ({ ...session, title });

test('a watcher gets all there is, then what changes, also what changed while the list was read', async () => {
  const news = new SessionChangeFeed();
  const stop = new AbortController();
  const list = async () => {
    news.tell({ type: 'changed', session: titled(two, 'meanwhile') });
    return [one, two];
  };
  const watched = news.watch(list, stop.signal);
  const next = async () => (await watched.next()).value;
  expect(await next()).toEqual({ type: 'changed', session: one });
  expect(await next()).toEqual({ type: 'changed', session: titled(two, 'meanwhile') });
  const waiting = next();
  news.tell({ type: 'deleted', session: one });
  expect(await waiting).toEqual({ type: 'deleted', session: one });
  const ended = watched.next();
  stop.abort();
  expect(await ended).toEqual({ done: true, value: undefined });
});

test('a slow subscriber misses changes, but never the last one of each session', async () => {
  const news = new SessionChangeFeed();
  const watched = news.watch(async () => [], new AbortController().signal);
  const first = watched.next();
  for (let n = 0; n <= 1_000; n++) news.tell({ type: 'changed', session: titled(one, `title ${n}`) });
  news.tell({ type: 'changed', session: two });
  news.tell({ type: 'deleted', session: two });
  expect((await first).value).toEqual({ type: 'changed', session: titled(one, 'title 1000') });
  expect((await watched.next()).value).toEqual({ type: 'deleted', session: two });
});

test('a watcher that leaves ten thousand sessions unread must start again', async () => {
  const news = new SessionChangeFeed();
  const watched = news.watch(async () => [], new AbortController().signal);
  const first = watched.next();
  for (let n = 0; n <= 10_001; n++)
    news.tell({ type: 'changed', session: { ...one, id: `${n}` as SessionRecord['id'] } });
  await expect(first).rejects.toMatchObject({ code: 'queue_full' });
});
