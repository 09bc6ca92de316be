import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Store } from '../../src/core/contracts/ports.ts';
import type { SessionFact, SessionOrigin } from '../../src/core/model/events.ts';
import type { SessionId } from '../../src/core/model/ids.ts';
import { createSessionRecord, type StoredSession } from '../../src/sessions/run/log/projection.ts';
import { composedServer } from '../support/servers/composed.ts';
import { calledFact, deltas, facts, newSession as newId, temporaryFolder } from '../support/stores/store.ts';

const dayMs = 24 * 60 * 60 * 1_000;
const never = new AbortController().signal;

/** A stored session that no client has used for this time. */
async function addStored(
  store: Store,
  input: {
    daysAgo?: number;
    facts?: readonly SessionFact[];
    origin?: SessionOrigin;
    more?: Partial<StoredSession>;
  } = {},
): Promise<SessionId> {
  const { daysAgo = 60, origin = 'sheikhbox', more = {} } = input;
  const id = newId();
  const at = Date.now() - daysAgo * dayMs;
  const made = { type: 'session.created', runId: null, data: { origin, template: 'default' } } as const;
  const all = [made, ...(input.facts ?? [])];
  const fresh = createSessionRecord({ id, origin, template: 'default', title: '', projectId: null, lastTask: '', at });
  const doc: StoredSession = { ...fresh, status: 'completed', sandboxState: 'stopped', lastSeq: all.length, ...more };
  for (let n = 0; n < all.length; n += 1_000) {
    const puts = n === 0 ? [{ kind: 'session', id, doc, sort: at }] : [];
    await store.events.append({ sessionId: id, after: n, at, facts: all.slice(n, n + 1_000), puts });
  }
  return id;
}
const blobsIn = (dataDir: string) =>
  readdirSync(join(dataDir, 'files'), { recursive: true, withFileTypes: true }).filter((it) => it.isFile()).length;

test('retention deletes an old session like a client would, with all its data, and keeps pinned and recent ones', async () => {
  await using server = await composedServer({ CORRAL_RETENTION_DAYS: '30' });
  const { core, config, url } = server;
  const large = [calledFact({ output: 'x'.repeat(400_000) })];
  const old = await addStored(core.store, { facts: large });
  const pinned = await addStored(core.store, { facts: large, more: { pinned: true } });
  const young = await addStored(core.store, { daysAgo: 1 });
  expect(blobsIn(config.dataDir)).toBe(2);
  const [, seen] = await Array.fromAsync(core.services.sessions.history(old));
  expect(seen).toMatchObject({ seq: 2, ...large[0] }); // the API returns the whole event
  await core.retention.round(never);
  await core.retention.round(never);
  await expect.poll(() => core.store.records.get('session', old)).toBeUndefined();
  expect((await fetch(`${url}/api/v1/sessions/${old}`)).status).toBe(404);
  expect((await core.services.sessions.list()).map(({ id }) => id).sort()).toEqual([pinned, young].sort());
  expect([blobsIn(config.dataDir), (await core.store.events.page(old, 0, 10)).head]).toEqual([1, 0]);
});

test('F103 a log of 100,000 events opens, resumes, reads and trims without renumbering, also after a restart', async () => {
  using folder = temporaryFolder();
  const count = 100_000;
  let id: SessionId | undefined;
  const opened = async (settings: Record<string, string>) => {
    const server = await composedServer({ CORRAL_MAX_EVENTS_PER_SESSION: '200000', ...settings }, folder.path);
    return server;
  };
  await using first = await opened({});
  const { sessions } = first.core.services;
  const many = Array.from({ length: count / 100 - 1 }, (_, n) => [...deltas(40), ...facts(60, n * 60)]).flat();
  id = await addStored(first.core.store, { facts: [...many, ...facts(99)] });
  expect((await sessions.page(id, 0, 256)).events).toHaveLength(256);
  expect((await sessions.page(id, count - 256, 256)).events.at(-1)?.seq).toBe(count);
  expect((await sessions.page(id, count / 2, 256)).events[0]?.seq).toBe(count / 2 + 1);
  const next = async (after: number) => {
    const stop = new AbortController();
    for await (const item of sessions.follow(id as SessionId, after, { signal: stop.signal, deltas: true })) {
      stop.abort();
      return item.kind === 'events' ? item.events[0]?.seq : item.reason;
    }
    return undefined;
  };
  expect(await next(count - 1)).toBe(count);
  await first.core.store.events.compact(id, { keepDroppable: 5_000, keepAll: 50_000 });
  const left = await sessions.page(id, 0, 1_000);
  expect(left.head).toBe(count);
  expect(left.events[0]?.seq).toBe(count / 2 + 1);
  expect(await next(1_000)).toBe('cursor_too_old');
  expect(await next(count - 1)).toBe(count);
  const titles = new Set<number>();
  for await (const { seq, type } of sessions.history(id)) if (type === 'title') titles.add(seq);
  const expected = Array.from({ length: count }, (_, n) => n + 1).filter(
    (seq) => seq > count / 2 && (many[seq - 2] ?? facts(1)[0])?.type === 'title',
  );
  expect(titles.size).toBe(expected.length);
  expect(expected.every((seq) => titles.has(seq))).toBe(true);
  await first[Symbol.asyncDispose]();
  await using second = await opened({});
  expect((await second.core.services.sessions.page(id, count - 1, 10)).events.map(({ seq }) => seq)).toEqual([count]);
});
