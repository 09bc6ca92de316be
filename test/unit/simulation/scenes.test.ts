import { expect, test } from 'vitest';
import { type SessionId, sandboxIdOf } from '../../../src/core/ids.ts';
import { StoredSession } from '../../../src/session/projection.ts';
import { startServer } from '../../support/simulation/server.ts';
import { World } from '../../support/simulation/world.ts';

// Single scenes, for what the seeds meet by luck only.

/** A world in which nothing goes wrong, with a session whose run asked its user something. */
async function waitingRun() {
  const world = new World(1);
  Object.assign(world, { sandboxPolicy: { ...world.sandboxPolicy, idlePauseMs: 6_000, idleStopMs: 60_000 } });
  world.calmDown();
  const server = startServer(world);
  const { id } = await server.sessions.create({ origin: 'sheikhbox' });
  await world.time.advance(1_000);
  const sent = server.sessions.send(id, { text: 'steps 1 ask', mode: 'queue' });
  await world.time.advance(3_000);
  const { runId } = await sent;
  return { world, server, id, runId, sandbox: world.sandbox(sandboxIdOf(id)) };
}

test('F108 a stop ends what its run left in a sandbox that is paused by now', async () => {
  const { world, server, id, runId, sandbox } = await waitingRun();
  const client = sandbox.client(new AbortController().signal);
  const signal = new AbortController().signal;
  await client.start({ id: 'server', shell: 'main', command: 'background 600000', tag: runId }, signal);
  await world.time.advance(8_000);
  expect(sandbox.isPaused()).toBe(true);
  expect(sandbox.tags()).toEqual([runId]);

  let answer: unknown;
  void server.sessions.stop(id).then((stopped) => (answer = stopped));
  await world.time.advance(5_000);
  expect(answer).toEqual({ stopped: true });
  expect(sandbox.tags()).toEqual([]);
  server.life.kill();
});

test('F110 a deletion succeeds once its tombstone stands, and is finished without a restart when its session breaks', async () => {
  const { world, server, id } = await waitingRun();
  const { records } = world.store.store;
  const tombstones = async () => (await records.list('session')).filter(({ doc }) => StoredSession.parse(doc).deleting);
  const deleted = server.sessions.delete(id);
  for (let ms = 0; ms < 100 && (await tombstones()).length === 0; ms++) await world.time.advance(1); // the store may take its time
  expect(await tombstones()).toHaveLength(1);
  world.failStore('store_unavailable', 7); // the end of its run is refused
  await world.time.advance(60_000);
  await deleted;
  expect(await server.sessions.list()).toEqual([]);
  expect(await records.list('session')).toEqual([]);
  expect(world.backend.boxes.size).toBe(0);
  server.life.kill();
});

test('F059 after an hour in which everything stood still what expired has expired once, looks are not made up for, and all goes on', async () => {
  const world = new World(1);
  Object.assign(world, { sandboxPolicy: { ...world.sandboxPolicy, idlePauseMs: undefined, idleStopMs: 12_000 } });
  world.calmDown();
  const server = startServer(world);
  const made = Array.from({ length: 20 }, () => server.sessions.create({ origin: 'sheikhbox' }));
  await world.time.advance(5_000);
  const ids = (await Promise.all(made)).map(({ id }) => id);
  const { calls, boxes } = world.backend;
  expect([...boxes.values()].map(({ info }) => info.phase)).toEqual(ids.map(() => 'ready'));
  const before = { ...calls };

  world.time.suspend(3_600_000);
  await world.time.advance(60_000);
  const endsOf = async (id: SessionId): Promise<number> => {
    const { events } = await world.store.store.events.page(id, 0, 10_000);
    return events.flatMap(({ type, data }) => (type === 'sandbox.phase' && data.phase === 'released' ? [1] : []))
      .length;
  };
  expect(await Promise.all(ids.map(endsOf))).toEqual(ids.map(() => 1));
  const more = (method: keyof typeof calls) => (calls[method] ?? 0) - (before[method] ?? 0);
  expect([more('destroy'), more('provision')]).toEqual([ids.length, 0]);
  expect(more('list')).toBeLessThan(12); // a minute's worth of looks, not an hour's

  for (const id of ids) void server.sessions.send(id, { text: 'steps 1 talk', mode: 'queue' });
  await world.time.advance(60_000);
  const listed = server.sessions.list();
  await world.time.advance(1_000);
  const statuses = (await listed).map(({ status }) => status);
  expect(statuses).toEqual(ids.map(() => 'completed'));
  server.life.kill();
});
