import { expect, test } from 'vitest';
import { fence } from '../support/clients/api.ts';
import { creations } from '../support/clients/call.ts';
import { followEvents, openClient } from '../support/clients/trpc.ts';
import { manualClock } from '../support/machines/manual-clock.ts';
import { composedServer } from '../support/servers/composed.ts';

// The effect of each setting in the contract, on the real core. Another test covers how the settings are read.

test('CORRAL_MAX_SESSIONS: a creation over the limit is 503 in every facade, until a session is deleted', async () => {
  await using server = await composedServer({ CORRAL_MAX_SESSIONS: '1' });
  using client = openClient(server.url, 'ws');
  const project = await client.projects.create.mutate({ name: 'One' });
  const { id } = await client.sessions.create.mutate();
  const ways = creations(project.id);
  const make = async () =>
    await Promise.all(
      ways.map(async ([method, path]) => (await fetch(server.url + path, { method, body: '{"task":"Later"}' })).status),
    );
  expect(await make()).toEqual(ways.map(() => 503));
  expect((await client.sessions.list.query()).items.map((one) => one.id)).toEqual([id]);
  await client.sessions.delete.mutate({ id });
  expect((await client.sessions.create.mutate()).status).toBe('pending');
});

test('CORRAL_MAX_RUNNING_RUNS: with 32, twenty runs are active at once; with two, the others wait their turn', async () => {
  const begun = async (settings: Record<string, string>, count: number) => {
    await using server = await composedServer(settings);
    using client = openClient(server.url, 'ws');
    const calling = new Set<string>();
    const ends = { count: 0 };
    const text = fence('sh', 'sleep 600');
    for (let n = 0; n < count; n++) {
      const { id: sessionId } = await client.sessions.create.mutate();
      client.events.subscribe.subscribe(
        { sessionId, lastEventId: '0' },
        {
          onData({ data }) {
            if (data.type === 'tool.calling') calling.add(sessionId);
            if (data.type === 'run.end') ends.count++;
          },
        },
      );
      await client.runs.send.mutate({ sessionId, text });
    }
    const most = Math.min(count, Number(settings.CORRAL_MAX_RUNNING_RUNS ?? 32));
    await expect.poll(() => calling.size).toBe(most);
    if (most === count) return;
    const [first = ''] = calling;
    await client.runs.stop.mutate({ sessionId: first });
    await expect.poll(() => calling.size).toBe(most + 1);
    expect(ends.count).toBe(1);
  };
  await begun({}, 20);
  await begun({ CORRAL_MAX_RUNNING_RUNS: '2' }, 4);
});

test('CORRAL_TOOL_TIMEOUT_SECONDS: a command over its time is killed with code 124, and the run continues', async () => {
  const clock = manualClock(Date.now());
  await using server = await composedServer({ CORRAL_TOOL_TIMEOUT_SECONDS: '10' }, undefined, { clock });
  using client = openClient(server.url, 'ws');
  const { id } = await client.sessions.create.mutate({ task: fence('sh', 'echo begun; sleep 600') });
  const following = followEvents(client, { sessionId: id, lastEventId: '0' });
  await clock.reaches(async () => (await client.sessions.get.query({ id })).status === 'completed');
  await expect.poll(() => following.items.at(-1)).toMatchObject({ type: 'run.end', data: { status: 'completed' } });
  expect(following.items.find(({ type }) => type === 'tool.called')).toMatchObject({
    data: { success: false, exitCode: 124 },
  });
});

test('CORRAL_SANDBOX_IDLE_SECONDS: an idle sandbox is stopped, and its files are there at the next use', async () => {
  const clock = manualClock(Date.now());
  await using server = await composedServer({ CORRAL_SANDBOX_IDLE_SECONDS: '10' }, undefined, { clock });
  using client = openClient(server.url, 'ws');
  const { id: sessionId } = await client.sessions.create.mutate();
  await client.files.write.mutate({ sessionId, path: 'a.txt', content: 'kept' });
  const state = async () => (await client.sandbox.status.query({ sessionId })).state;
  await clock.reaches(async () => (await state()) === 'running');
  const begun = clock.now();
  await clock.reaches(async () => (await state()) === 'stopped');
  expect(clock.now() - begun).toBeGreaterThanOrEqual(10_000);
  expect((await client.files.read.query({ sessionId, path: 'a.txt' })).content).toBe('kept');
  await expect.poll(state).toBe('running');
});

test('a draining server creates no session and rests unused sandboxes while a run continues, until the drain ends', async () => {
  await using server = await composedServer({});
  using client = openClient(server.url, 'ws');
  const [{ id: idle }, { id: working }] = [
    await client.sessions.create.mutate(),
    await client.sessions.create.mutate(),
  ];
  const state = async (sessionId: string) => (await client.sandbox.status.query({ sessionId })).condition;
  await client.files.write.mutate({ sessionId: idle, path: 'a.txt', content: 'kept' });
  const following = followEvents(client, { sessionId: working, lastEventId: '0' });
  await client.runs.send.mutate({ sessionId: working, text: fence('sh', 'echo begun; sleep 3600') });
  // Between its calls a run does not use the sandbox, which may then pause.
  await expect.poll(() => following.items.map(({ type }) => type)).toContain('tool.output');
  await expect.poll(() => state(idle)).toBe('running');
  const drained = await client.drain.set.mutate({ draining: true });
  expect(drained).toMatchObject({ draining: true, working: 1 });
  const health = async () => await (await fetch(`${server.url}/healthz`)).json();
  expect([await health(), await client.system.info.query()]).toMatchObject([{ draining: true }, { draining: true }]);
  await expect(client.sessions.create.mutate()).rejects.toMatchObject({ data: { reason: 'draining' } });
  await expect.poll(() => state(idle)).not.toBe('running');
  expect(await state(working)).toBe('running');
  expect(await client.drain.set.mutate({ draining: false })).toMatchObject({ draining: false, since: null });
  await client.sessions.create.mutate();
  expect((await client.files.read.query({ sessionId: idle, path: 'a.txt' })).content).toBe('kept');
});

test('CORRAL_MAX_EVENTS_PER_SESSION: the oldest events over the limit are deleted, and an old cursor gets a resync', async () => {
  await using server = await composedServer({ CORRAL_MAX_EVENTS_PER_SESSION: '100' });
  using client = openClient(server.url, 'ws');
  const { id: sessionId } = await client.sessions.create.mutate();
  const text = Array.from({ length: 40 }, (_, n) => fence('sh', `echo ${n}`)).join('\n');
  await client.runs.send.mutate({ sessionId, text });
  const head = async () => (await client.sessions.get.query({ id: sessionId })).lastSeq;
  await expect.poll(async () => (await client.sessions.get.query({ id: sessionId })).status).toBe('completed');
  expect(await head()).toBeGreaterThan(200);
  const first = async () => (await client.events.list.query({ sessionId, limit: 1 })).events[0]?.seq ?? 0;
  await expect.poll(first).toBeGreaterThan(1);
  const following = followEvents(client, { sessionId, lastEventId: '1' });
  const latest = await head();
  await expect
    .poll(() => following.items)
    .toMatchObject([{ type: 'resync', reason: 'cursor_too_old', latestSeq: latest, seq: latest }]);
});
