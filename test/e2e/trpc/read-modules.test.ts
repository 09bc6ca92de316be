import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { randomIds } from '../../../src/core/model/ids.ts';
import { newSession } from '../../../src/sessions/run/log/projection.ts';
import { sqliteStore } from '../../../src/storage/sqlite/store.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

/** Modules on the way that only answer a question about memory, or shape the record. */
const helpers = ['src/sessions/engine/live-sessions.ts', 'src/sessions/run/log/projection.ts'];
/** The statement runs in the thread of the database, which this thread's coverage does not show. */
const inOtherThread = 'src/storage/sqlite/reads.ts';
/** A timer of the server can fire during one read, on a busy machine during many; it does not during each of these. */
const reads = 50;

function documentedModules(): string[] {
  const text = readFileSync('docs/architecture.md', 'utf8').split('`sessions.get` over tRPC passes')[1] ?? '';
  const table = text.slice(text.indexOf('| --- |')).split('\n\n')[0] ?? '';
  return [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, path = '']) => path);
}

async function storeSession(folder: string) {
  const ids = randomIds();
  await using store = await sqliteStore({ path: join(folder, 'corral.db') });
  const [id, at] = [ids.sessionId(), Date.now()];
  const record = newSession({ id, origin: 'trpc', template: 'default', title: '', projectId: null, lastTask: '', at });
  await store.events.append({
    sessionId: id,
    after: 0,
    at,
    facts: [{ type: 'session.created', runId: null, data: { origin: 'trpc', template: 'default' } }],
    puts: [{ kind: 'session', id, doc: { ...record, lastSeq: 1, status: 'completed' }, sort: at }],
  });
  return id;
}

/** The modules of the rooms on the way, of which a function ran during this work. */
async function modulesRunning(profiler: Session, work: () => Promise<unknown>): Promise<Set<string>> {
  await profiler.post('Profiler.takePreciseCoverage'); // resets the counts
  await work();
  const { result } = await profiler.post('Profiler.takePreciseCoverage');
  const ran = result.filter(({ functions }) => functions.some(({ ranges }) => ranges.some(({ count }) => count > 0)));
  const paths = ran.map(({ url }) => url.slice(url.lastIndexOf('/src/') + 1));
  return new Set(paths.filter((path) => /^src\/(sessions|storage|facades\/trpc\/routers)\//.test(path)));
}

test('reading a stored session passes the modules that the architecture names, at most seven', async () => {
  using folder = temporaryFolder();
  const id = await storeSession(folder.path);
  await using server = await composedServer({}, folder.path);
  const get = async () => {
    const input = encodeURIComponent(JSON.stringify({ id }));
    const answer = await fetch(`${server.url}/trpc/sessions.get?input=${input}`);
    expect(await answer.json()).toMatchObject({ result: { data: { id } } });
  };
  await get();
  const profiler = new Session();
  profiler.connect();
  await profiler.post('Profiler.enable');
  await profiler.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  let seen = await modulesRunning(profiler, get);
  for (let n = 1; n < reads; n++) seen = seen.intersection(await modulesRunning(profiler, get));
  profiler.disconnect();
  const documented = documentedModules();
  expect(documented.length).toBeLessThanOrEqual(7);
  expect([...seen, inOtherThread].filter((path) => !helpers.includes(path)).sort()).toEqual(documented.toSorted());
});
