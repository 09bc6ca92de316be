import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { armFailpoints, countFailpointHits } from '../../../../src/core/errors/failpoint.ts';
import type { FactOf } from '../../../../src/core/model/events.ts';
import type { SandboxClient } from '../../../../src/sandboxes/client/client.ts';
import { CopyStore } from '../../../../src/sessions/forks/copies.ts';
import { SessionFileCopier } from '../../../../src/sessions/forks/snapshots.ts';
import type { WorkspaceArchiver } from '../../../../src/sessions/forks/workspace-archive.ts';
import { ManifestReader } from '../../../../src/sessions/manifests/manifest.ts';
import { WorkspaceIntegrity } from '../../../../src/sessions/manifests/manifests.ts';
import type { WorkspaceFileOps } from '../../../../src/sessions/manifests/workspace-files.ts';
import type { LiveSession } from '../../../../src/sessions/run/live-session.ts';
import { sessionId, writerBench } from '../../../support/machines/session-parts.ts';
import { fakeSandbox } from '../../../support/sandboxes/fake-sandbox.ts';
import { memoryBlobs } from '../../../support/stores/memory-blobs.ts';

const never = new AbortController().signal;
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** A workspace in memory, whose files a manifest protects. `stubborn`: processes that cannot be ended. */
function bench({ keep = 3, stubborn = 0 }: { keep?: number; stubborn?: number } = {}) {
  const { store, writer, clock, received } = writerBench();
  const blobs = memoryBlobs();
  const sandbox = fakeSandbox();
  const { files } = sandbox;
  const running = [7, 8, 9];
  const ended: number[] = [];
  const client: SandboxClient = {
    ...sandbox,
    exec: async () => ({ exitCode: 0, stdout: '', stderr: '', timedOut: false }),
    processes: async () => running.map((pid) => ({ pid, cmd: `p${pid}`, started: '' })),
    async signalProcess(pid) {
      ended.push(pid);
      if (running.length > stubborn) running.splice(running.indexOf(pid), 1);
    },
  };
  const text = () => JSON.stringify([...files].map(([name, content]) => [name, `${content}`]));
  const archive: WorkspaceArchiver = {
    measure: async () => ({ print: text(), bytes: files.size }),
    async *pack() {
      yield Buffer.from(text());
    },
    async unpack(_, { content }) {
      const written = Buffer.concat(await Array.fromAsync(content)).toString();
      for (const [name, own] of JSON.parse(written)) files.set(name, Buffer.from(own));
    },
  };
  const move = (folder: string, change: (name: string, content: Buffer) => void) => {
    for (const [name, content] of [...files]) if (!name.startsWith(`${folder}/`)) change(name, content);
  };
  const workspace: WorkspaceFileOps = {
    async list() {
      const reader = new ManifestReader();
      for (const [name, it] of files) reader.read(Buffer.from(`f 644 ${it.length} ${name}\0`));
      for (const folder of new Set([...files.keys()].filter((name) => name.includes('/')).map(dirname)))
        reader.read(Buffer.from(`d 755 ${folder}\0`));
      reader.read(Buffer.from('hashes\0'));
      for (const [name, it] of files) reader.read(Buffer.from(`${hashOf(it)}  ./${name}\0`));
      reader.read(Buffer.from('end\0'));
      return reader.manifest();
    },
    moveAside: async (_, { folder }) =>
      move(folder, (name, content) => {
        files.delete(name);
        files.set(`${folder}/${name}`, content);
      }),
    clearBeside: async (_, { folder }) => move(folder, (name) => files.delete(name)),
  };
  let n = 0;
  const warned: string[] = [];
  const newId = () => `n${++n}`;
  const copies = new CopyStore({ records: store.records, blobs, clock, newId });
  const shared = { records: store.records, copies, clock, archive, newId };
  const warn = (_: object, text: string) => void warned.push(text);
  const snapshots = new SessionFileCopier({
    ...shared,
    events: store.events,
    policy: { keep, maxBytes: 1_000, sessionBytes: 100_000 },
    warn,
  });
  const manifests = new WorkspaceIntegrity({ ...shared, snapshots, files: workspace, warn });
  const live = { id: sessionId, writer } as unknown as LiveSession;
  const set = (name: string, text: string) => void files.set(name, Buffer.from(text));
  return {
    ...{ store, writer, clock, blobs, files, set, warned, manifests, ended },
    /** Writes these files, and the manifest. */
    rest(written: Record<string, string> = {}) {
      for (const [name, text] of Object.entries(written)) set(name, text);
      return manifests.write(live, client, never);
    },
    use: () => manifests.check(live, client, never),
    /** Starts a check that never ends, as in a server that is killed at this point. */
    async dies(point: string) {
      using _ = armFailpoints(`${point}=hang`, { exit: () => {} });
      void manifests.check(live, client, never);
      await expect.poll(() => countFailpointHits(point)).toBe(1);
    },
    reported: () =>
      received.filter((fact): fact is FactOf<'sandbox.files_damaged'> => fact.type === 'sandbox.files_damaged'),
    texts: () => Object.fromEntries([...files].map(([name, content]) => [name, content.toString()])),
    copies: () => [...blobs.kept].filter(([, content]) => content.toString().startsWith('[')).map(([name]) => name),
  };
}

test('the processes end before the files are hashed, and files that stay as they are tell nothing', async () => {
  const { rest, use, reported, ended, store, blobs } = bench();
  await rest({ a: 'one' });
  expect(ended).toEqual([7, 8, 9]);
  await use();
  expect([reported(), await store.records.get('workspace-manifest', sessionId)]).toEqual([[], undefined]);
  expect(blobs.kept.size).toBe(1); // the copy
});

test('a sandbox whose processes continue has no manifest, because files can change after it', async () => {
  const { rest, use, set, reported } = bench({ stubborn: 1 });
  await expect(rest({ a: 'one' })).rejects.toThrow('Processes are still running');
  set('a', 'two');
  await use();
  expect(reported()).toEqual([]);
});

test.each([
  ['altered', (files: Map<string, Buffer>) => files.set('a', Buffer.from('onX'))],
  ['cut short', (files: Map<string, Buffer>) => files.set('a', Buffer.from('o'))],
  ['gone, with all others', (files: Map<string, Buffer>) => files.clear()],
])('a file that is %s comes back with all others from the copy, and the damaged ones are kept', async (_, damage) => {
  const { rest, use, files, reported, texts, writer } = bench();
  await rest({ a: 'one', b: 'two' });
  damage(files);
  const left = texts();
  await use();
  const [fact] = reported();
  expect(fact?.data).toMatchObject({ lost: [], lostCount: 0 });
  const kept = Object.entries(left).map(([name, text]) => [`${fact?.data.aside ?? ''}/${name}`, text]);
  if (kept.length === 0) expect(files.size).toBe(2);
  else expect(texts()).toEqual({ a: 'one', b: 'two', ...Object.fromEntries(kept) });
  expect(writer.record.filesDamaged).toMatchObject({ lostCount: 0, copy: { at: 1_000 } });
});

test('a newer copy that is damaged is passed over, and what is lost is named', async () => {
  const { rest, use, files, blobs, copies, reported, texts } = bench();
  await rest({ a: 'one' });
  await use();
  await rest({ b: 'two' });
  blobs.kept.set(copies().at(-1) as string, Buffer.from('[half'));
  files.delete('a');
  await use();
  expect(reported().map(({ data }) => [data.lost, data.lostCount])).toEqual([[['b'], 1]]);
  expect(texts()).toMatchObject({ a: 'one' });
});

test('without a whole copy the files are used as they are, and the damaged ones named', async () => {
  const { set, rest, use, reported, texts } = bench({ keep: 0 });
  set('a\u001b[2J', 'one');
  await rest({ b: 'two' });
  set('a\u001b[2J', 'onX');
  await use();
  expect(reported()[0]?.data).toMatchObject({ copy: null, lost: ['a?[2J'], lostCount: 1, aside: null });
  expect(texts()).toEqual({ 'a\u001b[2J': 'onX', b: 'two' });
});

test('a manifest whose own list is damaged still finds damage, but cannot name it', async () => {
  const { rest, use, files, blobs, copies, reported, texts } = bench();
  await rest({ a: 'one' });
  for (const name of blobs.kept.keys()) if (!copies().includes(name)) blobs.kept.set(name, Buffer.from('a\0f'));
  files.clear();
  await use();
  expect(reported()[0]?.data).toMatchObject({ lost: [], lostCount: null, copy: { at: 1_000 } });
  expect(texts()).toEqual({ a: 'one' });
});

test('files that were added beside are no damage', async () => {
  const { set, rest, use, reported, texts } = bench();
  await rest({ a: 'one' });
  set('mounted', 'x');
  await use();
  expect([reported(), texts()]).toEqual([[], { a: 'one', mounted: 'x' }]);
});

test.each(['manifest.repair.before', 'manifest.aside.after', 'manifest.unpack.after'])(
  'a repair that a dead server left at %s is completed by the next start, and reported once',
  async (point) => {
    const { rest, use, dies, files, reported, texts } = bench();
    await rest({ a: 'one', b: 'two' });
    files.delete('b');
    await dies(point);
    expect(reported()).toEqual([]);
    await use();
    const [fact, ...more] = reported();
    expect([more, fact?.data.lostCount]).toEqual([[], 0]);
    expect(texts()).toEqual({ a: 'one', b: 'two', [`${fact?.data.aside}/a`]: 'one' });
  },
);

test.each(['manifest.list.after', 'manifest.copy.after', 'manifest.put.after'])(
  'a rest that dies at %s leaves no manifest of files that changed since',
  async (point) => {
    const { set, rest, use, reported, texts } = bench();
    set('a', 'one');
    {
      using _ = armFailpoints(`${point}=throw`, { exit: () => {} });
      await expect(rest()).rejects.toThrow(point);
    }
    set('a', 'two');
    await use();
    expect([reported(), texts()]).toEqual([[], { a: 'two' }]);
  },
);

test('reset forgets what was there', async () => {
  const { rest, use, files, manifests, reported } = bench();
  await rest({ a: 'one' });
  await manifests.forget(sessionId);
  files.clear();
  await use();
  expect([reported(), files.size]).toEqual([[], 0]);
});
