import { expect, test } from 'vitest';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { sessionLeaseNameOf } from '../../../src/sessions/cluster/leased-ownership.ts';
import { fence } from '../../support/clients/api.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import type { ComposedCore } from '../../support/servers/composed.ts';
import { replicas } from '../../support/stores/replicas.ts';

const signal = () => AbortSignal.timeout(20_000);
const send = (server: ComposedCore, id: SessionId, text: string) =>
  server.core.services.sessions.send(id, { text, mode: 'inject' });
const statusOf = async (server: ComposedCore, id: SessionId) => (await server.core.services.sessions.get(id)).status;
const create = async (server: ComposedCore) => (await server.core.services.sessions.create({ origin: 'sheikhbox' })).id;
const rests = (server: ComposedCore, id: SessionId) =>
  expect.poll(() => statusOf(server, id), { interval: 25 }).toBe('completed');

/** Two servers of one store, and a session that the first one made. */
async function two() {
  const set = await replicas();
  const [a, b] = [await set.another(), await set.another()];
  return { set, a, b, id: await create(a), [Symbol.asyncDispose]: () => set[Symbol.asyncDispose]() };
}

/** The events that a client of that server receives until the run ends. */
async function seenAt(server: ComposedCore, id: SessionId): Promise<{ seqs: number[]; events: SessionEvent[] }> {
  const events: SessionEvent[] = [];
  for await (const item of server.core.services.sessions.follow(id, 0, { signal: signal(), deltas: true })) {
    if (item.kind === 'resync') throw new Error(`resync: ${item.reason}`);
    events.push(...item.events);
    if (item.events.some(({ type }) => type === 'run.end')) break;
  }
  return { seqs: events.map(({ seq }) => seq), events };
}
const upTo = (n: number) => Array.from({ length: n }, (_, at) => at + 1);

test('a message sent to one server runs on the server that owns the session, and both stream it', async () => {
  await using it = await two();
  const { set, a, b, id } = it;
  await a.core.engine.supervisor.reach(id);
  const seen = [seenAt(a, id), seenAt(b, id)];
  const sent = await send(b, id, `Do it\n${fence('sh', 'echo hello')}`);
  const [atA, atB] = await Promise.all(seen);
  expect([atB?.events, atB?.seqs]).toEqual([atA?.events, upTo(atB?.seqs.length ?? 0)]);
  expect(atB?.events.find(({ seq }) => seq === sent.seq)).toMatchObject({ type: 'message.user' });
  expect([b.core.engine.liveSessions.get(id), problemsOf(await set.events(id))]).toEqual([undefined, []]);
});

test('F054 two servers that create the same new session at once agree on one owner and one sandbox', async () => {
  await using it = await two();
  const { set, a, b, id } = it;
  await Promise.all([
    send(a, id, fence('sh', 'echo 1')),
    send(b, id, fence('sh', 'echo 2')),
    send(b, id, fence('sh', 'echo 3')),
  ]);
  await rests(b, id);
  expect([a, b].filter(({ core }) => core.engine.liveSessions.get(id))).toHaveLength(1);
  expect(set.backend.boxes.size).toBe(1);
  const events = await set.events(id);
  expect(problemsOf(events)).toEqual([]);
  expect(events.filter(({ type }) => type === 'message.user')).toHaveLength(3);
});

test('files, commands and the deletion of a session work on any server', async () => {
  await using it = await two();
  const { set, a, b, id } = it;
  await a.core.services.files.write(id, 'note.md', 'from a', signal());
  expect((await b.core.services.files.read(id, 'note.md', signal())).toString()).toBe('from a');
  await b.core.services.files.write(id, 'other.md', 'from b', signal());
  expect((await a.core.services.files.read(id, 'other.md', signal())).toString()).toBe('from b');
  const { stdout } = await b.core.services.sandboxes.exec(id, { command: 'cat note.md' }, signal());
  expect(stdout).toBe('from a');
  await b.core.services.sessions.update(id, { title: 'Named at b', favorite: true });
  expect(await a.core.services.sessions.get(id)).toMatchObject({ title: 'Named at b', favorite: true });
  await b.core.services.sandboxes.stop(id);
  expect(await a.core.services.sessions.sandbox(id)).toMatchObject({ state: 'stopped' });
  await b.core.services.sessions.delete(id);
  await expect(a.core.services.sessions.get(id)).rejects.toMatchObject({ code: 'session_not_found' });
  await expect.poll(() => set.backend.boxes.size).toBe(0);
});

test('F060 a stopping server hands its runs over, and no event is lost or doubled', async () => {
  await using it = await two();
  const { set, a, b, id } = it;
  await send(a, id, `Work\n${fence('sh', 'echo begun; sleep 1.5; echo done >> ran')}`);
  await expect.poll(async () => (await set.events(id)).some(({ type }) => type === 'tool.output')).toBe(true);
  const seen = seenAt(b, id);
  await a[Symbol.asyncDispose]();
  await expect
    .poll(() => b.core.engine.liveSessions.get(id) !== undefined, { timeout: 45_000, interval: 10 })
    .toBe(true);
  const { seqs, events } = await seen;
  expect([seqs, problemsOf(events)]).toEqual([upTo(seqs.length), []]);
  expect((await b.core.services.files.read(id, 'ran', signal())).toString()).toBe('done\n');
});

test('F053 a server whose lease was stolen stops writing and does not touch the sandbox', async () => {
  await using it = await two();
  const { set, a, b, id } = it;
  await send(a, id, `Work\n${fence('sh', 'echo begun; sleep 1.5; echo done >> ran')}`);
  await expect.poll(async () => (await set.events(id)).some(({ type }) => type === 'tool.output')).toBe(true);
  const box = [...set.backend.boxes.values()][0];
  const seen = seenAt(a, id); // its clients continue with their cursors, or stay and read the other server's events
  const inAnHour = Date.now() + 3_600_000;
  await set.store.leases.acquire(sessionLeaseNameOf(id), 'thief', inAnHour, 1);
  await expect.poll(() => a.core.engine.liveSessions.get(id), { interval: 10 }).toBeUndefined();
  expect(box?.life.signal.aborted).toBe(false);
  await set.store.leases.release(sessionLeaseNameOf(id), 'thief');
  await send(b, id, 'Are you there?');
  expect(b.core.engine.liveSessions.get(id)).toBeDefined();
  const { seqs, events } = await seen;
  expect([seqs, problemsOf(events)]).toEqual([upTo(seqs.length), []]);
  expect((await b.core.services.files.read(id, 'ran', signal())).toString()).toBe('done\n');
  expect(set.backend.boxes.size).toBe(1);
});

test('a subscriber to the list at one server sees the changes made at another', { tags: ['all'] }, async () => {
  await using set = await replicas();
  const [a, b] = [await set.another(), await set.another()];
  const received: string[] = [];
  const over = new AbortController();
  const watching = (async () => {
    for await (const { type, session } of b.core.services.sessions.watch(over.signal))
      received.push(`${type} ${session.title}`);
  })();
  const { id } = await a.core.services.sessions.create({ origin: 'sheikhbox', title: 'One' });
  await expect.poll(() => received).toContain('changed One');
  await a.core.services.sessions.rename(id, 'Two');
  await expect.poll(() => received).toContain('changed Two');
  await a.core.services.sessions.delete(id);
  await expect.poll(() => received).toContain('deleted Two');
  over.abort();
  await watching;
});

test('events appended at one server reach another in order, by polling heads alone', async () => {
  await using it = await two();
  const { a, b, id } = it;
  await a.core.services.sessions.rename(id, 'first');
  const received: string[] = [];
  const over = new AbortController();
  const reading = (async () => {
    for await (const item of b.core.services.sessions.follow(id, 0, { signal: over.signal, deltas: true })) {
      if (item.kind === 'resync') continue;
      for (const event of item.events) if (event.type === 'title') received.push(event.data.title);
      if (received.at(-1) === 'title 59') over.abort();
    }
  })();
  for (let n = 0; n < 60; n++) {
    await a.core.services.sessions.rename(id, `title ${n}`);
    await new Promise((resolve) => setTimeout(resolve, (n * 7) % 50)); // at another point of the poll interval each time
  }
  await reading;
  const titles = Array.from({ length: 60 }, (_, n) => `title ${n}`);
  expect(received.filter((title) => title.startsWith('title '))).toEqual(titles);
});
