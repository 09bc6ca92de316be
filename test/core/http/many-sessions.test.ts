// @module-tag all
import { expect, test } from 'vitest';
import { randomIds, type SessionId } from '../../../src/core/model/ids.ts';
import { newSession } from '../../../src/sessions/run/log/projection.ts';
import { composedServer } from '../../support/servers/composed.ts';

interface Page {
  readonly items: { readonly id: SessionId; readonly status: string }[];
  readonly nextCursor: string | null;
}

test('F102 ten thousand sessions can be listed, filtered and paged while they change: no duplicate, and no unchanged session is missed', async () => {
  await using server = await composedServer({ CORRAL_MAX_SESSIONS: '20000' });
  const { store, services } = server.core;
  const ids = randomIds();
  const all: SessionId[] = [];
  for (let n = 0; n < 10_000; n += 500) {
    const some = Array.from({ length: 500 }, (_, k) => {
      const id = ids.sessionId();
      const at = 1_000_000 + Math.floor((n + k) / 3); // three sessions share each time
      const provided = {
        id,
        origin: 'trpc',
        template: 'default',
        title: '',
        projectId: null,
        lastTask: '',
        at,
      } as const;
      const status = (n + k) % 10 === 0 ? ('completed' as const) : ('pending' as const);
      all.push(id);
      return store.events.append({
        sessionId: id,
        after: 0,
        at,
        facts: [{ type: 'session.created', runId: null, data: { origin: 'trpc', template: 'default' } }],
        puts: [{ kind: 'session', id, doc: { ...newSession(provided), status, lastSeq: 1 }, sort: at }],
      });
    });
    await Promise.all(some);
  }
  const list = async (input: object): Promise<Page> => {
    const answer = await fetch(`${server.url}/trpc/sessions.list?input=${encodeURIComponent(JSON.stringify(input))}`);
    expect(answer.status).toBe(200);
    return ((await answer.json()) as { result: { data: Page } }).result.data;
  };
  const paged = async (input: object) => {
    const found: SessionId[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await list({ ...input, limit: 100, ...(cursor && { cursor }) });
      found.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    return found;
  };
  const changing = new Set(all.filter((_, n) => n % 97 === 0));
  const stop = new AbortController();
  const changes = (async () => {
    for (const id of changing) {
      if (stop.signal.aborted) return;
      await services.sessions.rename(id, 'changed meanwhile');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const found = await paged({});
  expect(new Set(found).size).toBe(found.length);
  const rested = all.filter((id) => !changing.has(id));
  const seen = new Set(found);
  expect(rested.filter((id) => !seen.has(id))).toEqual([]);
  expect(await paged({ status: 'completed' })).toHaveLength(1_000);
  stop.abort();
  await changes;
  expect((await list({ limit: 50 })).items).toHaveLength(50);
});
