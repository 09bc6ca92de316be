import { expect, test } from 'vitest';
import { type SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { StoredSession } from '../../../src/sessions/run/log/projection.ts';
import { memoryDriver } from '../../support/memory-driver/memory.ts';
import { startServer } from '../../support/simulation/server.ts';
import { World } from '../../support/simulation/world.ts';

// Scenes that the seeds reach only by luck.

/** A world without faults, with a session whose run waits for the user's answer. */
async function waitingRun() {
  const world = new World(1);
  Object.assign(world, { sandboxPolicy: { ...world.sandboxPolicy, idlePauseMs: 6_000, idleStopMs: 60_000 } });
  world.calmDown();
  const server = startServer(world);
  const made = server.sessions.create({ origin: 'sheikhbox' }); // the store can be slow
  await world.time.pass(1_000);
  const { id } = await made;
  const sent = server.sessions.send(id, { text: 'steps 1 ask', mode: 'queue' });
  await world.time.pass(3_000);
  const { runId } = await sent;
  return { world, server, id, runId, sandbox: world.sandbox(sandboxIdOf(id)) };
}

test('F108 a stop ends what its run left in a sandbox that is paused by now', async () => {
  const { world, server, id, runId, sandbox } = await waitingRun();
  const client = sandbox.client(new AbortController().signal);
  const signal = new AbortController().signal;
  await client.start({ id: 'server', shell: 'main', command: 'background 600000', tag: runId }, signal);
  await world.time.pass(8_000);
  expect([sandbox.isPaused(), sandbox.tags()]).toEqual([true, [runId]]);

  let answer: unknown;
  void server.sessions.stop(id).then((stopped) => (answer = stopped));
  await world.time.pass(5_000);
  expect([answer, sandbox.tags()]).toEqual([{ stopped: true }, []]);
  server.life.kill();
});

test('F110 a deletion succeeds once its tombstone stands, and is finished without a restart when its session breaks', async () => {
  const { world, server, id } = await waitingRun();
  const { records } = world.store.store;
  const tombstones = async () => (await records.list('session')).filter(({ doc }) => StoredSession.parse(doc).deleting);
  const deleted = server.sessions.delete(id);
  for (let ms = 0; ms < 100 && (await tombstones()).length === 0; ms++) await world.time.pass(1); // slow store
  expect(await tombstones()).toHaveLength(1);
  world.failStore('store_unavailable', 7); // refuses the end of the run
  await world.time.pass(60_000);
  await deleted;
  const listed = server.sessions.list();
  await world.time.pass(100); // the store can be slow
  expect([await listed, await records.list('session'), world.backend.boxes.size]).toEqual([[], [], 0]);
  server.life.kill();
});

test.each([
  ['forward', 2 * 3_600_000],
  ['back', -2 * 3_600_000],
])(
  'F058 a wall clock that is set two hours %s ends nothing early or late and keeps the order of the log',
  async (_, ms) => {
    const world = new World(1);
    Object.assign(world, {
      sandboxPolicy: { ...world.sandboxPolicy, idlePauseMs: undefined, idleStopMs: 30_000, ttlMs: 600_000 },
      runPolicy: { ...world.runPolicy, budget: { ...world.runPolicy.budget, turns: 100, ms: 300_000 } },
    });
    world.calmDown();
    const server = startServer(world);
    const made = server.sessions.create({ origin: 'sheikhbox' });
    await world.time.pass(1_000);
    const { id } = await made;
    void server.sessions.send(id, { text: 'steps 9 forever', mode: 'queue' }); // only its time limit ends this command
    await world.time.pass(10_000);
    const { calls, boxes } = world.backend;
    const [box] = boxes.values();
    if (!box) throw new Error('there is no sandbox');
    const nobody = world.ids.sessionId();
    const stray = sandboxIdOf(nobody);
    const call = { signal: new AbortController().signal };
    const limits = { memoryBytes: 0, cpus: 0, pids: 0, diskBytes: 0 };
    const spec = { ...box.info, id: stray, sessionId: nobody, egress: { kind: 'none' as const }, env: {}, limits };
    void memoryDriver(world.backend).provision(spec, call);
    await world.time.pass(12_000); // long enough for the reconciler to notice it
    expect(boxes.has(stray)).toBe(true);
    const events = async () => (await world.store.store.events.page(id, 0, 10_000)).events;
    const ended = async (type: string) => (await events()).filter((event) => event.type === type).length;
    expect([(await ended('tool.calling')) > 0, await ended('tool.called')]).toEqual([true, 0]);

    world.time.jump(ms);
    await world.time.pass(5_000);
    expect(await ended('tool.called')).toBe(0); // not before its limit of 30 s
    await world.time.pass(30_000);
    expect(await ended('tool.called')).toBeGreaterThan(0);
    expect(boxes.has(stray)).toBe(false);
    expect(await ended('run.wait'), 'no budget is spent by a clock').toBe(0);
    const stopped = server.sessions.stop(id);
    await world.time.pass(10_000);
    await stopped;
    expect((await events()).map(({ seq }) => seq)).toEqual((await events()).map((_, n) => n + 1));
    expect(calls.provision).toBe(2); // one for the session, one for the stray sandbox
    const phase = () => boxes.get(sandboxIdOf(id))?.info.phase;
    await world.time.pass(15_000);
    expect(phase()).toBe('ready');
    await world.time.pass(40_000);
    expect(phase(), 'unused for its half minute').toBe('stopped');
    server.life.kill();
  },
);

test("F059 after an hour's standstill each expiry happens once, no missed check is repeated, and all work continues", async () => {
  const world = new World(1);
  Object.assign(world, { sandboxPolicy: { ...world.sandboxPolicy, idlePauseMs: undefined, idleStopMs: 12_000 } });
  world.calmDown();
  const server = startServer(world);
  const made = Array.from({ length: 20 }, () => server.sessions.create({ origin: 'sheikhbox' }));
  await world.time.pass(5_000);
  const ids = (await Promise.all(made)).map(({ id }) => id);
  const { calls, boxes } = world.backend;
  expect([...boxes.values()].map(({ info }) => info.phase)).toEqual(ids.map(() => 'ready'));
  const before = { ...calls };

  world.time.suspend(3_600_000);
  await world.time.pass(60_000);
  const endsOf = async (id: SessionId): Promise<number> => {
    const { events } = await world.store.store.events.page(id, 0, 10_000);
    return events.flatMap(({ type, data }) => (type === 'sandbox.phase' && data.phase === 'released' ? [1] : []))
      .length;
  };
  expect(await Promise.all(ids.map(endsOf))).toEqual(ids.map(() => 1));
  const more = (method: keyof typeof calls) => (calls[method] ?? 0) - (before[method] ?? 0);
  expect([more('destroy'), more('provision')]).toEqual([ids.length, 0]);
  expect(more('list')).toBeLessThan(12); // the lists of one minute, not of an hour

  for (const id of ids) void server.sessions.send(id, { text: 'steps 1 talk', mode: 'queue' });
  await world.time.pass(60_000);
  const listed = server.sessions.list();
  await world.time.pass(1_000);
  expect((await listed).map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
  server.life.kill();
});
