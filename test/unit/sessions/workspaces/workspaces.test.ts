import { expect, test } from 'vitest';
import type { RecordStore } from '../../../../src/core/contracts/ports.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import { createWorkspaceService } from '../../../../src/sessions/workspaces/workspaces.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { newSession } from '../../../support/stores/store.ts';

const graceMs = 30_000;

/** The state that all servers share. */
function world() {
  const { records } = createInMemoryStore({ shared: true });
  const sessions = new Map<string, SessionRecord>();
  const alive = new Set<string>();
  return { records, sessions, alive, stopped: [] as string[], requested: [] as object[], working: new Set<string>() };
}
type World = ReturnType<typeof world>;

/** One server; its sandboxes run nothing, and only report their working folder. */
async function server(
  input: World,
  { name, grace = graceMs, records = input.records }: { name?: string; grace?: number; records?: RecordStore } = {},
) {
  const clock = manualClock();
  const { sessions, requested, stopped, working, alive } = input;
  let looked = 0;
  const get = async (id: string) => {
    const found = sessions.get(id);
    if (!found) throw new AppError('session_not_found', 'There is no such session.');
    return found;
  };
  if (name !== undefined) alive.add(name);
  const service = await createWorkspaceService({
    records,
    clock,
    graceMs: grace,
    sessions: {
      get,
      create: async ({ origin, title }: SessionRecord) => {
        const made = { id: newSession(), origin, title, sandboxState: 'running' } as SessionRecord;
        sessions.set(made.id, made);
        return made;
      },
      async activeRun(id: string) {
        looked++;
        await get(id);
        return working.has(id) ? { runId: 'r', startedSeq: 1, waiting: false } : undefined;
      },
      sandbox: async () => ({ workdir: '/workspace' }),
    } as never,
    files: { write: async () => {} },
    sandboxes: {
      start: async () => ({ started: true }),
      async exec(_id: string, command: object) {
        requested.push(command);
        return { exitCode: 0, stdout: 'out', stderr: '/workspace\n', timedOut: false };
      },
    } as never,
    commands: { command: async (id: string) => void stopped.push(id) } as never,
    ids: { short: () => 'a-short-id' } as never,
    replica: { name, isAlive: async (other) => alive.has(other) },
  });
  /** Resolves when all work that can continue without time has ended. */
  const settled = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settled();
  };
  return { service, looked: () => looked, pass };
}

test('code has 30 seconds, a command 120', async () => {
  const all = world();
  const { service } = await server(all);
  using ann = service.join('ann');
  await ann.runCode('w', { name: 'main.py', code: 'print(1)' });
  await ann.runCommand('w', 'ls');
  expect(all.requested).toMatchObject([{ timeoutMs: 30_000 }, { timeoutMs: 120_000 }]);
});

test('a run keeps its sandbox; its end is checked at most each second, however short the grace', async () => {
  const all = world();
  const { service, looked, pass } = await server(all, { grace: 0 });
  const ann = service.join('ann');
  await ann.runCommand('w', 'ls');
  const [id = ''] = all.sessions.keys();
  all.working.add(id);
  ann[Symbol.dispose]();
  for (let n = 0; n < 5; n++) await pass(0);
  expect([looked(), all.stopped]).toEqual([1, []]);
  all.working.clear();
  await pass(1_000);
  expect([looked(), all.stopped]).toEqual([2, [id]]);
});

test('the sandbox stays while the service cannot learn whether a run is active', async () => {
  const all = world();
  const { service, pass } = await server(all);
  const ann = service.join('ann');
  await ann.runCommand('w', 'ls');
  const [[id, session] = ['', undefined]] = all.sessions;
  const { get } = all.sessions;
  all.sessions.get = () => {
    throw new AppError('store_unavailable', 'The database does not answer.');
  };
  ann[Symbol.dispose]();
  await pass(graceMs);
  expect(all.stopped).toEqual([]);
  all.sessions.get = get;
  await pass(graceMs);
  expect([all.stopped, session?.title]).toEqual([[id], 'w']);
});

test('a new session is called as the client calls it, whatever its predecessor was called since', async () => {
  const all = world();
  const before = await server(all);
  await before.service.join('ann').runCommand('w', 'ls');
  const [[id, session] = ['', undefined]] = all.sessions;
  all.sessions.set(id, { ...(session as SessionRecord), title: 'Renamed' });
  const { service } = await server(all);
  using ann = service.join('ann');
  all.sessions.delete(id);
  await ann.runCommand('w', 'ls');
  expect([...all.sessions.values()].map(({ title }) => title)).toEqual(['w']);
});

test('each user has sessions of their own, whatever the name: another’s workspace, its id, a path', async () => {
  const all = world();
  const { service } = await server(all);
  const sessionOf = async (user: string, name: string) => {
    const before = all.sessions.size;
    using client = service.join(user);
    await client.runCommand(name, 'ls');
    return all.sessions.size > before ? [...all.sessions.keys()].at(-1) : undefined;
  };
  const ids = [await sessionOf('ann', 'w')];
  for (const user of ['bob', 'Ann', '..']) ids.push(await sessionOf(user, 'w'), await sessionOf(user, ids[0] ?? ''));
  for (const name of ['W', '..', '.', '-rf', 'x'.repeat(128)]) ids.push(await sessionOf('ann', name));
  expect([new Set(ids).size, await sessionOf('ann', 'w')]).toEqual([12, undefined]); // the last one is known
});

test('the last of several servers that a client disconnects from stops the sandbox', async () => {
  const all = world();
  const a = await server(all, { name: 'a' });
  const [atA, atB] = [a.service.join('ann'), (await server(all, { name: 'b' })).service.join('ann')];
  await atA.runCommand('w', 'ls');
  await atB.runCommand('w', 'ls');
  const [id] = all.sessions.keys();
  const late = await server(all, { name: 'c' }); // finds a running sandbox, but no client that uses it
  await late.pass(graceMs);
  atA[Symbol.dispose]();
  await a.pass(graceMs);
  expect(all.stopped).toEqual([]);
  all.alive.delete('b'); // server b crashes, and a client returns
  const again = a.service.join('ann');
  await again.runCommand('w', 'ls');
  again[Symbol.dispose]();
  await a.pass(graceMs);
  expect(all.stopped).toEqual([id]);
});
