// @module-tag all
// The machine lacks a resource: open files, disk space, or a reader of the server's log output.
import { once } from 'node:events';
import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { api, fence, run, storedEvents } from '../../../support/clients/api.ts';
import { problemsOf } from '../../../support/hostile/checker.ts';
import { needs } from '../../../support/servers/components.ts';
import { reaches, realServer } from '../../../support/servers/real-server.ts';
import { type ServerProcess, serverProcess } from '../../../support/servers/server-process.ts';
import { temporaryFolder } from '../../../support/stores/store.ts';
import { processWorld as world } from '../../../support/worlds.ts';

const maxFiles = 128;

test('F012 a server out of file descriptors serves open connections', { tags: ['nightly'] }, async (context) => {
  const limited = () => ['sh', '-c', `ulimit -n ${maxFiles}; exec "$@"`, 'sh'] as const;
  await using real = await realServer(context, world, {}, limited);
  const { client, server } = real;
  const open = async () => (await readdir(`/proc/${server.pid}/fd`)).length;
  const pid = server.pid;
  const id = await real.ready();
  using kept = keptLine(server);
  expect(await kept.ask('GET', `/${id}`)).toBe(200);
  const usual = await open();

  const crowd = await crowdOf(server, 2 * maxFiles);
  try {
    await reaches(() => crowd.turnedAway() > 0);
    expect(await open()).toBeGreaterThan(maxFiles - 8);
    for (let n = 0; n < 20; n++) expect(await kept.ask('GET', `/${id}`)).toBe(200);
    expect([200, 503]).toContain(await kept.ask('PUT', '')); // the server stores it, or reports that it cannot
    await kept.ask('POST', `/${id}/chat`, { message: fence('sh', 'echo in need') });
  } finally {
    crowd.leave();
  }
  await reaches(async () => (await open()) < usual + 20);

  await real.rests(id);
  await client.chat(id, fence('sh', 'echo again'));
  expect(real.factsOf(id, 'tool.called').at(-1)?.data).toMatchObject({ success: true, output: 'again\n' });
  const { sessions } = (await client.ask('GET', '')).body.data as { sessions: { session_id: string }[] };
  const [other = await client.create()] = sessions.map(({ session_id }) => session_id).filter((it) => it !== id);
  await client.chat(other, fence('sh', 'echo here'));
  expect(real.factsOf(other, 'tool.called').at(-1)?.data).toMatchObject({ success: true, output: 'here\n' });
  expect(server.pid).toBe(pid);
  expect(server.output()).not.toMatch(/uncaught exception|unhandled rejection/);
  await real.holds(other);
  await real.holds(id);
  await reaches(async () => (await open()) <= usual * 1.1); // I8: no connection stays open
});

test('F070 with a full disk nothing unstored is acknowledged', { tags: ['nightly'] }, async (context) => {
  await needs(context, 'bubblewrap');
  const ownDisk = (data: string) =>
    ['bwrap', '--die-with-parent', '--dev-bind', '/', '/', '--size', `${8 << 20}`, '--tmpfs', data] as const;
  const settings = { CORRAL_DRIVER: 'memory', CORRAL_RATE_LIMIT_PER_MINUTE: '0' };
  await using server = await serverProcess(settings, ownDisk);
  const client = api(server.url);
  const inside = `/proc/${await childOf(server.pid)}/root${server.data}`;
  using copies = temporaryFolder();
  /** SQLite would otherwise look for it outside the server's walls. */
  const stored = async () => {
    for (const file of ['corral.db', 'corral.db-wal']) await copyFile(join(inside, file), join(copies.path, file));
    return storedEvents(copies.path, id);
  };
  const id = await client.create();
  await client.chat(id, 'Before');
  await run('sh', ['-c', `head -c 16M /dev/zero >'${inside}/filler'`]).catch(() => {});

  const refused: number[] = [];
  await reaches(async () => {
    const made = await client.ask('PUT', '');
    if (made.status !== 200) refused.push(made.status);
    return refused.length >= 5;
  });
  expect(new Set(refused)).toEqual(new Set([503]));
  const before = await stored();
  await expect(client.send(id, 'Not stored')).rejects.toThrow('chat: 503');
  expect([await stored(), (await client.get(id)).status]).toEqual([before, 200]);
  const listed = (await client.ask('GET', '')).body.data as { sessions: object[] };
  expect(listed.sessions.length).toBeGreaterThan(0);

  await rm(`${inside}/filler`);
  await reaches(async () => (await client.ask('PUT', '')).status === 200);
  expect((await client.chat(id, fence('sh', 'echo after'))).at(-1)?.event).toBe('done');
  const events = await stored();
  expect([problemsOf(events), events.slice(0, before.length)]).toEqual([[], before]);
  expect(events.flatMap((it) => (it.type === 'message.user' ? [it.data.text] : []))).not.toContain('Not stored');
});

/** A connection from before the others. */
function keptLine(server: ServerProcess) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (method: string, path: string, body?: object): Promise<number> => {
    const pending = request(`${server.url}/api/v1/sessions${path}`, { agent, method });
    pending.end(body === undefined ? undefined : JSON.stringify(body));
    const [answer] = await once(pending, 'response');
    answer.resume();
    await once(answer, 'end');
    return answer.statusCode;
  };
  return { ask, [Symbol.dispose]: () => agent.destroy() };
}

/** Clients that each keep one silent connection open. */
async function crowdOf(server: ServerProcess, size: number) {
  const sockets: Socket[] = [];
  let turnedAway = 0;
  for (let n = 0; n < size; n++) {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    sockets.push(socket.on('error', () => {}));
    socket.on('close', () => turnedAway++).resume();
  }
  await Promise.all(sockets.map((socket) => (socket.connecting ? once(socket, 'connect').catch(() => {}) : undefined)));
  return { turnedAway: () => turnedAway, leave: () => sockets.map((socket) => socket.destroy()) };
}

const childOf = async (pid: number) => (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim();
