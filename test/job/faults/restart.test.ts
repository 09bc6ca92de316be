// The server stops while a command runs, and a new server takes over.

import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readStartTime } from '../../../drivers/process/proc.ts';
import { api, fence, storedEvents } from '../../support/clients/api.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import { testRows } from '../../support/runner/tags.ts';
import { reaches, realServer } from '../../support/servers/real-server.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { inEachWorld, worlds } from '../../support/worlds.ts';

const lines = Array.from({ length: 60 }, (_, n) => `line ${n + 1} ✓`);
const task = `${fence('sh', 'for i in $(seq 60); do echo "line $i ✓"; sleep 0.1; done; echo once >> ran')}\n${fence('sh', 'cat ran')}`;

inEachWorld('process', 'a restart with $driver', (world) => {
  testRows(['SIGKILL', 'SIGTERM'])(
    'F001 F038 %s: a command keeps running without the server, and its output continues at the right byte',
    async (signal, context) => {
      await using real = await realServer(context, world);
      const id = await real.ready();
      const before = await world.running(id);
      await real.client.send(id, task);
      await reaches(() => real.factsOf(id, 'tool.output').length > 3);
      real.server.kill(signal);
      await real.server.exit;
      const told = real.factsOf(id, 'tool.output').length;
      expect(real.factsOf(id, 'tool.called'), 'the command must still be running').toEqual([]);
      await real.server.restart();
      await real.rests(id);

      const [first, second, ...more] = real.factsOf(id, 'tool.called');
      expect(more).toEqual([]);
      const whole = `${lines.join('\n')}\n`;
      expect(first?.data).toMatchObject({ success: true, exitCode: 0, output: whole });
      expect(second?.data).toMatchObject({ output: 'once\n' });
      const live = real.factsOf(id, 'tool.output').filter(({ data }) => data.callId === first?.data.callId);
      expect(live.map(({ data }) => data.text).join('')).toBe(whole);
      expect(live.length).toBeGreaterThan(told);
      expect(real.factsOf(id, 'run.notice')).toMatchObject([{ data: { kind: 'resumed_after_restart' } }]);
      expect(real.factsOf(id, 'run.end')).toMatchObject([{ data: { status: 'completed' } }]);
      expect(await world.running(id)).toEqual(before);
      await real.holds(id);
    },
  );
});

test('F001 with a hundred sessions a killed server is ready again, and active sessions continue', {
  tags: ['nightly'],
}, async () => {
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory', CORRAL_RATE_LIMIT_PER_MINUTE: '0' });
  const client = api(server.url);
  const ids: string[] = [];
  for (let n = 0; n < 100; n += 10) ids.push(...(await Promise.all(Array.from({ length: 10 }, () => client.create()))));
  const working = ids.filter((_, n) => n % 10 === 0);
  const log = (id: string) => storedEvents(server.data, id);
  for (let life = 0; life < 3; life++) {
    for (const id of working) await client.send(id, fence('sh', 'sleep 60'));
    // Other events, such as a plan's, can come after the call's on a busy machine.
    const calls = (id: string) => typesSinceRunEnd(log(id)).includes('tool.calling');
    await expect.poll(() => working.filter((id) => !calls(id)), { interval: 25 }).toEqual([]);
    server.kill('SIGKILL');
    await server.restart();
    const rests = async () => (await Promise.all(working.map(client.status))).every((it) => it === 'completed');
    await reaches(rests);
  }
  for (const id of working) {
    expect(problemsOf(log(id))).toEqual([]);
    expect(log(id).filter(({ type }) => type === 'run.end')).toHaveLength(3);
    expect((await client.chat(id, 'Again')).at(-1)?.event).toBe('done');
  }
  expect((await client.ask('GET', '')).body.data).toMatchObject({ sessions: { length: 100 } });
});

test('F038 the server never kills a process that reuses the pid of a dead sandbox', {
  tags: ['nightly'],
}, async (context) => {
  const [, world] = worlds;
  if (!world) throw new Error('there is no such driver');
  await using real = await realServer(context, world);
  const id = await real.ready();
  real.server.kill('SIGKILL');
  await real.server.exit;
  await world.kill(id);
  const stranger = spawn('sleep', ['600']);
  try {
    const record = join(real.server.data, 's', `sbx-${id}`, 'process.json');
    const mark = JSON.parse(await readFile(record, 'utf8')) as { pid: number };
    await writeFile(record, JSON.stringify({ ...mark, pid: stranger.pid }));
    await real.server.restart();
    await real.client.chat(id, fence('sh', 'echo new'));
    expect(real.factsOf(id, 'tool.called')).toMatchObject([{ data: { output: 'new\n' } }]);
    await real.holds(id);
    expect(await readStartTime(stranger.pid as number)).toBeDefined();
  } finally {
    stranger.kill('SIGKILL');
  }
});

const typesSinceRunEnd = (events: readonly { readonly type: string }[]): string[] => {
  const types = events.map(({ type }) => type);
  return types.slice(types.lastIndexOf('run.end') + 1);
};
