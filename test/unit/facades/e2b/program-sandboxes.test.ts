import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import { ClientSandboxes } from '../../../../src/facades/compat/e2b/routes.ts';
import type { SessionListChange } from '../../../../src/sessions/api/sessions.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const session = (id: string, more: object = {}) => ({ id, ...more }) as SessionRecord;
const news = (type: SessionListChange['type'], id: string, more?: object): SessionListChange => ({
  type,
  session: session(id, more),
});

test('sandboxes of programs are known from their creation to their deletion, also after the watch was evicted', async () => {
  const clock = manualClock();
  const stop = new AbortController();
  const watches: (() => AsyncGenerator<SessionListChange>)[] = [
    async function* () {
      yield news('changed', 'a', { life: {} });
      yield news('changed', 'b');
      yield news('changed', 'c', { tokenRounds: 1 });
      yield news('changed', 'd', { life: {} });
      yield news('deleted', 'a', { life: {} });
      throw new AppError('queue_full', 'Too many changes are unread.');
    },
    async function* () {
      yield news('changed', 'd', { life: {} });
      await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));
    },
  ];
  const sandboxes = new ClientSandboxes();
  const ids = () => sandboxes.all().map(({ id }) => `${id}`);
  const watch = () => (watches.shift() as (typeof watches)[number])();
  const following = sandboxes.follow({ watch }, clock, stop.signal);
  await expect.poll(ids).toEqual(['c', 'd']);
  await expect.poll(() => clock.pending()).toBe(1);
  clock.advance(1_000);
  await expect.poll(ids).toEqual(['d']);
  stop.abort();
  await following;
});
