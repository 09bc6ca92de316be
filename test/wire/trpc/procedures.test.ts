import { createTRPCClient, httpBatchStreamLink } from '@trpc/client';
import { describe, expect } from 'vitest';
import type { AppRouter } from '../../../src/client/index.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { trpcTest } from '../../support/clients/server-tests.ts';
import type { TrpcServer } from '../../support/clients/trpc.ts';
import { demoRun } from '../../support/servers/demo-run.ts';

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

const test = trpcTest
  .extend('client', ({ server }) => server.client())
  .extend('id', async ({ client }) => SessionId.parse((await client.sessions.create.mutate()).id));

async function finished(server: TrpcServer, sessionId: string): Promise<string> {
  const id = SessionId.parse(sessionId);
  const { runId } = await server.fake.sessions.send(id, { text: 'Say hi', mode: 'inject' });
  await server.fake.say(id, ...demoRun(runId));
  return runId;
}

describe('sessions', () => {
  test('create without input makes a session of origin trpc', async ({ server }) => {
    const session = await server.client().sessions.create.mutate();
    expect(session).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      title: '',
      name: null,
      status: 'pending',
      origin: 'trpc',
      outcome: null,
      template: 'default',
      templateBy: null,
      projectId: null,
      ownerName: null,
      model: null,
      lastTask: '',
      latestMessage: '',
      latestMessageAt: iso,
      unread: 0,
      lastSeq: 0,
      favorite: false,
      pinned: false,
      archived: false,
      forkedFrom: null,
      branch: null,
      parent: null,
      repositories: [],
      hasCheckpoints: false,
      metadata: {},
      endsAt: null,
      createdAt: iso,
      updatedAt: iso,
    });
    expect(await server.client().sessions.get.query({ id: session.id })).toEqual(session);
  });

  test('a clientSessionId creates one session, and other content under it is refused', async ({ server }) => {
    const client = server.client();
    const first = await client.sessions.create.mutate({ title: 'Once', clientSessionId: 's-1' });
    expect(await server.client('ws').sessions.create.mutate({ title: 'Once', clientSessionId: 's-1' })).toEqual(first);
    await expect(client.sessions.create.mutate({ title: 'Other', clientSessionId: 's-1' })).rejects.toMatchObject({
      data: { code: 'CONFLICT' },
    });
    expect((await client.sessions.list.query({})).items).toHaveLength(1);
  });

  test('create with a task starts a run, and refuses an unknown project', async ({ server }) => {
    const client = server.client();
    const project = await client.projects.create.mutate({ name: 'Harvest' });
    const session = await client.sessions.create.mutate({ title: 'Mine', projectId: project.id, task: 'Say hi' });
    expect(session).toMatchObject({ title: 'Mine', projectId: project.id, status: 'running', latestMessage: 'Say hi' });
    const { events } = await client.events.list.query({ sessionId: session.id });
    expect(events.map(({ type }) => type)).toEqual(['message.user', 'run.started']);
    const nobody = '00000000-0000-4000-8000-000000000000';
    await expect(client.sessions.create.mutate({ projectId: nobody })).rejects.toMatchObject({
      data: { code: 'NOT_FOUND' },
    });
    expect((await client.sessions.list.query()).items).toHaveLength(1);
  });

  test('create removes the session when its first task is refused', async ({ server }) => {
    server.fake.instead.send = () => Promise.reject(new Error('no'));
    await expect(server.client().sessions.create.mutate({ task: 'Say hi' })).rejects.toThrow('Internal server error');
    expect((await server.client().sessions.list.query()).items).toEqual([]);
  });

  test('list pages through all sessions, newest message first, by status and project', async ({ server }) => {
    const client = server.client();
    const project = await client.projects.create.mutate({ name: 'Harvest' });
    const ids: string[] = [];
    for (let n = 0; n < 25; n++) {
      const { id } = await client.sessions.create.mutate(n % 5 === 0 ? { projectId: project.id } : {});
      if (n % 3 === 0) await finished(server, id);
      ids.push(id);
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < 10; pages++) {
      const page = await client.sessions.list.query({ limit: 7, ...(cursor !== undefined && { cursor }) });
      expect(page.items.length).toBe(pages === 3 ? 4 : 7);
      seen.push(...page.items.map(({ id }) => id));
      if (page.nextCursor === null) break;
      cursor = page.nextCursor;
    }
    expect([...seen].sort()).toEqual([...ids].sort());
    const all = (await client.sessions.list.query()).items;
    expect(all.map(({ id }) => id)).toEqual(seen);
    const times = all.map(({ latestMessageAt }) => latestMessageAt);
    expect(times).toEqual([...times].sort().reverse());
    expect((await client.sessions.list.query({ status: 'completed' })).items).toHaveLength(9);
    const own = await client.sessions.list.query({ projectId: project.id, limit: 5 });
    expect([own.items.map(({ projectId }) => projectId), own.nextCursor]).toEqual([Array(5).fill(project.id), null]);
  });

  test('update sets title, favorite and pinned, and appends a title event only for a title', async ({ client, id }) => {
    expect(await client.sessions.update.mutate({ id, favorite: true })).toMatchObject({ favorite: true, lastSeq: 0 });
    const expected = { title: 'New', favorite: true, pinned: true };
    expect(await client.sessions.update.mutate({ id, title: 'New', pinned: true })).toMatchObject(expected);
    expect((await client.events.list.query({ sessionId: id })).events).toMatchObject([
      { type: 'title', runId: null, data: { title: 'New' } },
    ]);
  });
});

describe('events and runs', () => {
  test('events.list pages after a seq and reports the end of the log', async ({ server, client, id }) => {
    const runId = await finished(server, id);
    const { events, lastSeq } = await client.events.list.query({ sessionId: id });
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: lastSeq }, (_, n) => n + 1));
    expect(events[1]).toEqual({
      seq: 2,
      sessionId: id,
      runId,
      type: 'run.started',
      ts: expect.any(Number),
      data: { task: 'Say hi', messageId: expect.any(String) },
    });
    expect(events.at(-1)).toMatchObject({ type: 'run.end', data: { status: 'completed', reason: 'completed' } });
    const page = await client.events.list.query({ sessionId: id, afterSeq: 3, limit: 2 });
    expect(page).toEqual({ events: events.slice(3, 5), lastSeq });
    expect(await client.events.list.query({ sessionId: id, afterSeq: 9_999 })).toEqual({ events: [], lastSeq });
  });

  test('send returns the place of the message, and passes mode and attachments on', async ({ client, id }) => {
    const first = await client.runs.send.mutate({ sessionId: id, text: 'One', attachments: ['a.txt'] });
    expect(first).toEqual({ messageId: expect.any(String), runId: expect.any(String), seq: 1 });
    const joined = await client.runs.send.mutate({ sessionId: id, text: 'Two' });
    expect(joined).toMatchObject({ runId: first.runId, seq: 3 });
    const queued = await client.runs.send.mutate({ sessionId: id, text: 'Three', mode: 'queue' });
    expect(queued.runId).not.toBe(first.runId);
    const { events } = await client.events.list.query({ sessionId: id });
    expect(events[0]).toMatchObject({ type: 'message.user', data: { text: 'One', attachments: ['a.txt'] } });
  });

  test('a clientMessageId is sent once, and other content under it is refused', async ({ server, client, id }) => {
    const message = { sessionId: id, text: 'Only once', clientMessageId: 'm-1' };
    const first = await client.runs.send.mutate(message);
    expect(await client.runs.send.mutate(message)).toEqual(first);
    expect(await server.client('ws').runs.send.mutate(message)).toEqual(first);
    await expect(client.runs.send.mutate({ ...message, text: 'Other' })).rejects.toMatchObject({
      data: { code: 'CONFLICT' },
    });
    const { id: other } = await client.sessions.create.mutate();
    expect((await client.runs.send.mutate({ ...message, sessionId: other })).messageId).not.toBe(first.messageId);
    const { events } = await client.events.list.query({ sessionId: id });
    expect(events.filter(({ type }) => type === 'message.user')).toHaveLength(1);
  });

  test('a clientMessageId is free again after its send failed, not while it runs', async ({ server, client, id }) => {
    const message = { sessionId: id, text: 'Only once', clientMessageId: 'm-1' };
    const gate = Promise.withResolvers<never>();
    server.fake.instead.send = () => gate.promise;
    // Two clients, because one would send both calls in one batch.
    const first = server.client().runs.send.mutate(message);
    await expect.poll(() => client.runs.send.mutate(message).catch(({ data }) => data?.code)).toBe('CONFLICT');
    gate.reject(new Error('the store is down'));
    await expect(first).rejects.toMatchObject({ data: { code: 'INTERNAL_SERVER_ERROR' } });
    delete server.fake.instead.send;
    expect(await client.runs.send.mutate(message)).toMatchObject({ seq: 1 });
  });

  test('stop reports whether a run was active', async ({ client, id }) => {
    expect(await client.runs.stop.mutate({ sessionId: id })).toEqual({ stopped: false });
    await client.runs.send.mutate({ sessionId: id, text: 'Work' });
    expect(await client.runs.stop.mutate({ sessionId: id })).toEqual({ stopped: true });
    expect((await client.sessions.get.query({ id })).status).toBe('completed');
  });
});

describe('sandboxes, files and processes', () => {
  test('a sandbox can be started, stopped, reset and inspected', async ({ client, id }) => {
    const { sandbox, files } = client;
    const of = { sessionId: id };
    const fixed = { id: `sbx-${id}`, pause: 'memory', filesDamaged: null, idleSeconds: 1_800, driver: 'memory' };
    const as = (state: string, condition: string, keeps: string | null = null) => {
      return { ...fixed, workdir: '/workspace', state, condition, keeps };
    };
    expect(await sandbox.status.query(of)).toEqual(as('created', 'new'));
    expect(await sandbox.start.mutate(of)).toEqual(as('running', 'running'));
    expect(await sandbox.pause.mutate({ ...of, keeps: 'files' })).toEqual(as('running', 'paused', 'files'));
    expect(await sandbox.resume.mutate(of)).toEqual(as('running', 'running'));
    expect(await sandbox.stop.mutate(of)).toEqual(as('stopped', 'stopped'));
    await files.write.mutate({ ...of, path: 'a.txt', content: 'a' });
    expect(await sandbox.reset.mutate(of)).toEqual(as('running', 'running'));
    expect((await files.list.query(of)).items).toEqual([]);
  });

  test('files can be read in base64, searched and deleted', async ({ client, id }) => {
    const { files } = client;
    const of = { sessionId: id };
    expect(await files.write.mutate({ ...of, path: 'src/main.py', content: 'print("häi")\n' })).toEqual({ ok: true });
    await files.write.mutate({ ...of, path: 'notes.md', content: '# Notes\n  print it\n' });
    const base64 = await files.read.query({ ...of, path: 'src/main.py', encoding: 'base64' });
    expect(Buffer.from(base64.content, 'base64').toString()).toBe('print("häi")\n');
    expect(await files.grep.query({ ...of, pattern: 'print' })).toEqual({
      matches: [
        { file: 'src/main.py', line: 1, content: 'print("häi")' },
        { file: 'notes.md', line: 2, content: 'print it' },
      ],
      truncated: false,
    });
    const narrowed = await files.grep.query({ ...of, pattern: 'print', fileTypes: '*.md, *.txt' });
    expect(narrowed.matches.map(({ file }) => file)).toEqual(['notes.md']);
    const folder = { name: 'src', type: 'directory', size: null, modified: iso };
    const file = { name: 'notes.md', type: 'file', size: 19, modified: iso };
    expect(await files.list.query(of)).toEqual({ path: '.', items: [folder, file] });
    expect(await files.delete.mutate({ ...of, path: 'notes.md' })).toEqual({ ok: true });
    expect(await files.list.query(of)).toEqual({ path: '.', items: [folder] });
  });

  test('the changes since a run began are listed, with the files as they were', async ({ client, id }) => {
    const { files } = client;
    const of = { sessionId: id };
    expect(await files.changes.query(of)).toEqual({
      since: { runId: 'run-1', at: iso },
      files: [{ path: 'a.txt', change: 'modified', before: 1, after: 2 }],
      truncated: false,
    });
    expect(await files.before.query({ ...of, path: 'a.txt' })).toEqual({ path: 'a.txt', content: 'a.txt as it was' });
  });

  test("a person can type into the agent's shell", async ({ server, client, id }) => {
    const typed = { sessionId: id, shellId: 'main', text: 'yes\n' };
    expect(await client.terminals.typeIntoShell.mutate(typed)).toEqual({ ok: true });
    expect(server.others.ran).toEqual([{ id, command: { command: 'main: yes\n' } }]);
    const input = { id: 'main', console: [{ ps1: '$ ', command: 'x', output: 'Ok? yes' }], running: 'op' };
    server.fake.shells.set('main', input);
    const shown = await client.terminals.viewShell.query({ sessionId: id, shellId: 'main' });
    expect(shown).toEqual({ output: 'Ok? yes', isRunning: true });
  });

  test('processes can be listed, read and stopped', async ({ server, client, id }) => {
    const { processes } = client;
    const started = '2025-01-01T00:00:00.000Z';
    const process = { pid: 41, cmd: 'sleep 9', status: 'running', log: '', started } as const;
    server.others.processes.push(process);
    server.others.logs.set(41, 'one\ntwo\nthree');
    expect(await processes.list.query({ sessionId: id })).toEqual([process]);
    const whole = { pid: 41, logs: 'one\ntwo\nthree', truncated: false, log: '' };
    expect(await processes.logs.query({ sessionId: id, pid: 41 })).toEqual(whole);
    expect((await processes.logs.query({ sessionId: id, pid: 41, lines: 2 })).logs).toBe('two\nthree');
    expect(await processes.stop.mutate({ sessionId: id, pid: 41 })).toEqual({ ok: true });
    expect(await processes.list.query({ sessionId: id })).toEqual([]);
  });
});

describe('projects and the system', () => {
  test('projects can be created, listed, changed and deleted with their sessions', async ({ server }) => {
    const { projects, sessions } = server.client();
    const one = await projects.create.mutate({ name: 'One' });
    expect(one).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 'One',
      description: null,
      createdAt: iso,
      updatedAt: iso,
      role: null,
    });
    const two = await projects.create.mutate({ name: 'Two', description: 'Second' });
    expect(await projects.get.query({ id: two.id.toUpperCase() })).toEqual(two);
    const expected = { name: 'First', description: null };
    expect(await projects.update.mutate({ id: one.id, name: 'First' })).toMatchObject(expected);
    expect(await projects.update.mutate({ id: two.id, description: null })).toMatchObject({
      name: 'Two',
      description: null,
    });
    const page = await projects.list.query({ limit: 1, skip: 1 });
    expect([page.total, page.projects.length]).toEqual([2, 1]);
    const { id } = await sessions.create.mutate({ projectId: one.id });
    expect(await projects.delete.mutate({ id: one.id })).toEqual({ ok: true });
    await expect(sessions.get.query({ id })).rejects.toMatchObject({ data: { code: 'NOT_FOUND' } });
    expect((await projects.list.query()).projects.map(({ name }) => name)).toEqual(['Two']);
  });

  test("system.info returns the server's name, version, driver and model", async ({ server }) => {
    const expected = { name: 'corral', version: '1.2.3', draining: false, driver: 'memory', model: 'demo' };
    expect(await server.client().system.info.query()).toEqual(expected);
  });
});

test('system.tools returns a label for each tool that a log can name', async ({ server }) => {
  const tools = await server.client().system.tools.query();
  expect(tools).toContainEqual({ name: 'file_read', family: 'file', group: 'file_read', label: 'Read' });
  expect(tools).toContainEqual({ name: 'message_ask_user', family: 'message', group: 'always', label: 'Ask' });
  expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['computer', 'click_at']));
});

test('system.health reports the state of each part, in time even when a check hangs', async ({ server }) => {
  const client = server.client();
  expect(await client.system.health.query()).toEqual({
    status: 'healthy',
    checks: {
      storage: { status: 'healthy' },
      sandbox: { status: 'healthy', driver: 'memory' },
      model: { status: 'healthy', name: 'demo' },
    },
    sessions: { total: 0, running: 0, waiting: 0 },
  });
  const fine = await server.fake.sessions.health(new AbortController().signal);
  server.fake.instead.health = async () => ({ ...fine, model: { status: 'unhealthy', name: 'gemini' } });
  const expected = { status: 'healthy', checks: { model: { name: 'gemini' } } };
  expect(await client.system.health.query()).toMatchObject(expected);
  server.fake.instead.health = () => new Promise(() => {});
  expect(await client.system.health.query()).toMatchObject({
    status: 'unhealthy',
    checks: { storage: { status: 'unhealthy', detail: 'The checks did not answer in time.' } },
  });
});

test('templates.list returns the agents that sessions and projects can start with', async ({ server }) => {
  const { templates } = await server.client().templates.list.query();
  expect(templates).toHaveLength(16);
  expect(templates[0]).toEqual({
    id: 'python_dev',
    name: 'Python Developer',
    description: expect.any(String),
    environment: 'python3.11',
    idleSeconds: null,
    mode: 'react',
    tools: ['bash', 'file_read', 'file_write', 'file_edit', 'search'],
    prompt: expect.stringContaining('Python'),
    model: null,
    fallbacks: null,
    mcpServers: [],
    skills: [],
    promptParts: [],
    repositories: [],
    packages: { npm: [], pip: [] },
    image: null,
    approvals: null,
    egress: null,
    unavailable: null,
  });
});

test('queries of the same moment share one request', async ({ server, client, id }) => {
  server.requests.length = 0;
  const [a, b] = await Promise.all([client.sessions.get.query({ id }), client.sandbox.status.query({ sessionId: id })]);
  expect([a.id, b.id]).toEqual([id, `sbx-${id}`]);
  await expect.poll(() => server.requests).toMatchObject([{ method: 'GET', route: '/trpc/:path', status: 200 }]);
});

test('a batch can be streamed, each answer as soon as it is ready', async ({ server }) => {
  const gate = Promise.withResolvers<void>();
  const { health } = server.fake.sessions;
  server.fake.instead.health = async (signal) => {
    await gate.promise;
    return await health(signal);
  };
  const client = createTRPCClient<AppRouter>({ links: [httpBatchStreamLink({ url: `${server.url}/trpc` })] });
  const slow = client.system.info.query();
  const [list, missing] = await Promise.allSettled([
    client.sessions.list.query(),
    client.sessions.get.query({ id: 'fedcba9876543210' }),
  ]);
  expect(list).toMatchObject({ status: 'fulfilled', value: { items: [] } });
  expect(missing).toMatchObject({ status: 'rejected', reason: { data: { code: 'NOT_FOUND' } } });
  gate.resolve();
  expect(await slow).toMatchObject({ name: 'corral' });
});

test('a call is aborted when its client disconnects', async ({ server }) => {
  const aborted = Promise.withResolvers<void>();
  server.fake.instead.health = (signal) => {
    signal.addEventListener('abort', () => aborted.resolve());
    leave.abort();
    return new Promise(() => {});
  };
  const leave = new AbortController();
  await expect(fetch(`${server.url}/trpc/system.info`, { signal: leave.signal })).rejects.toThrow('aborted');
  await aborted.promise;
});
