import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test as base, expect, onTestFinished } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { armFailpoints } from '../../../../src/core/errors/failpoint.ts';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import type { MountedMemoryStore } from '../../../../src/core/model/session-agent.ts';
import type { MemoryFolderClient } from '../../../../src/sessions/memory/folders/folder-files.ts';
import { type MemoryFolderSession, MemoryFolderSync } from '../../../../src/sessions/memory/folders/memory-folders.ts';
import { createMemoryStoreService } from '../../../../src/sessions/memory/stores.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { removeFolder } from '../../../support/stores/store.ts';

const never = new AbortController().signal;
/** A sandbox whose programs run in a folder of this machine. */
async function sandbox(): Promise<MemoryFolderClient> {
  const workdir = await mkdtemp(join(tmpdir(), 'corral-test-memory-'));
  onTestFinished(() => removeFolder(workdir));
  const running = new Map<string, ReturnType<typeof spawn>>();
  const client = {
    workdir,
    async exec({ command }: { command: string }) {
      const child = spawn('bash', ['-c', command], { cwd: workdir });
      const ended = once(child, 'close');
      const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
      return { exitCode, stdout, stderr, timedOut: false };
    },
    programs: {
      async open({ id, argv: [command = '', ...args] }: { id: string; argv: readonly string[] }) {
        running.set(id, spawn(command, args, { cwd: workdir }));
      },
      async attach(id: string, { onOutput, onErrors }: Record<'onOutput' | 'onErrors', (bytes: Buffer) => void>) {
        const child = running.get(id);
        child?.stdout?.on('data', onOutput);
        child?.stderr?.on('data', onErrors);
        child?.stdin?.on('error', () => {}); // the program ended before it read all
        return {
          write: async (bytes: Uint8Array) => void child?.stdin?.write(bytes),
          endInput: () => child?.stdin?.end(),
          ended: new Promise((resolve) => child?.on('close', (exitCode) => resolve({ exitCode }))),
        };
      },
      close: async (id: string) => void running.delete(id),
    },
    async readFile(path: string, _: AbortSignal, { maxBytes }: { maxBytes: number }) {
      return (await readFile(join(workdir, path))).subarray(0, maxBytes);
    },
  };
  return client as unknown as MemoryFolderClient;
}

interface Fact {
  readonly data: { readonly detail: string };
}
async function world(access: MountedMemoryStore['access'] = 'read_write') {
  const { records } = createInMemoryStore();
  let at = 0;
  const stores = createMemoryStoreService({ records, clock: { now: () => ++at } as never, ids: createIdSource() });
  const { id: store } = await stores.create({ name: 'Notes', description: '', metadata: {} });
  const mounted = { store, folder: 'notes', access, name: 'Notes', description: '', instructions: null };
  const session = (id: string, more: object = {}): MemoryFolderSession & { readonly reports: string[] } => {
    const reports: string[] = [];
    const writer = {
      record: { agent: { memoryStores: [mounted] }, ...more },
      write: async (facts: readonly Fact[]) => void reports.push(...facts.map(({ data }) => data.detail)),
    };
    return { id, writer, reports } as never;
  };
  const newId = () => createIdSource().short();
  const folders = new MemoryFolderSync({ stores, closing: never, newId, warn: () => {} });
  const client = await sandbox();
  const [ann, folder] = [session('s1'), join(client.workdir, '.session/memory/notes')];
  const at_ = (path: string) => join(folder, path);
  return {
    ...{ stores, store, folders, client, session, ann, folder },
    keep: () => folders.keep(ann, client, never),
    add: (path: string, text: string) => stores.addMemory(store, { path, text }),
    read: (path: string) => readFile(at_(path), 'utf8').catch(() => undefined),
    async write(path: string, text: string | Uint8Array) {
      await mkdir(dirname(at_(path)), { recursive: true });
      await writeFile(at_(path), text);
    },
    remove: (path: string) => rm(at_(path), { recursive: true }),
    async texts() {
      const all = await stores.memories(store);
      return Object.fromEntries(
        await Promise.all(all.map(async ({ id, path }) => [path, (await stores.memory(store, id)).text] as const)),
      );
    },
  };
}

const test = base.extend('it', () => world());

test('files and memories follow each other, and each change of a session is a version of its own', async ({ it }) => {
  const memory = await it.add('/notes/a b.md', 'one');
  const unplaceable = `/${'x'.repeat(300)}`;
  await it.add(unplaceable, 'no file can have this name');
  await it.add('/ümlaut/gone.md', 'goes');
  expect(await it.keep()).toBeUndefined();
  expect([await it.read('notes/a b.md'), await it.read('ümlaut/gone.md')]).toEqual(['one', 'goes']);

  await it.write('notes/a b.md', 'two');
  await it.write('deep/er/new.md', 'new');
  await it.remove('ümlaut');
  expect(await it.keep()).toBeUndefined();
  const kept = { '/deep/er/new.md': 'new', '/notes/a b.md': 'two', [unplaceable]: 'no file can have this name' };
  expect(await it.texts()).toEqual(kept);
  const versions = await it.stores.versions(it.store);
  const changes = versions.slice(0, 3).map(({ operation, path, author }) => `${author?.id} ${operation} ${path}`);
  const expected = ['s1 created /deep/er/new.md', 's1 deleted /ümlaut/gone.md', 's1 modified /notes/a b.md'];
  expect(changes.sort()).toEqual(expected);

  await it.stores.changeMemory(it.store, memory.id, { text: 'three', path: '/moved.md' });
  await it.keep();
  expect([await it.read('notes/a b.md'), await it.read('moved.md')]).toEqual([undefined, 'three']);
  expect(await readdir(it.folder)).toEqual(['.corral-memory', 'deep', 'moved.md']); // no empty folder stays
  expect(await it.stores.versions(it.store)).toHaveLength(versions.length + 1); // the comparison itself writes nothing
});

test('of two texts for one file the kept one stays, the other one is stored next to it, and the agent is notified each time', async ({
  it,
}) => {
  const memory = await it.add('/plans/plan.md', 'first');
  const lost = await it.add('/lost.md', 'old');
  await it.keep();
  const unkept = join(it.client.workdir, '.session/memory/.unkept/notes');
  for (const turn of ['1', '2']) {
    await it.write('plans/plan.md', `mine ${turn}`);
    await it.stores.changeMemory(it.store, memory.id, { text: `theirs ${turn}` });
    const report =
      '/mnt/memory/notes/plans/plan.md is not kept: somebody else changed it in the meantime. Your text is now in /mnt/memory/.unkept/notes/plans/plan.md, and the stored text is in its place.';
    expect(await it.keep()).toBe(report);
    expect(await it.read('plans/plan.md')).toBe(`theirs ${turn}`);
    expect(await readFile(join(unkept, 'plans/plan.md'), 'utf8')).toBe(`mine ${turn}`);
  }
  expect(await readFile(join(unkept, 'plans/plan.md.~1~'), 'utf8')).toBe('mine 1');

  await it.write('lost.md', 'changed');
  await it.stores.deleteMemory(it.store, lost.id);
  expect(await it.keep()).toBeUndefined();
  expect(await it.texts()).toEqual({ '/plans/plan.md': 'theirs 2', '/lost.md': 'changed' });
});

test('a text that somebody writes between comparison and change wins, and the agent is notified in the same call', async ({
  it,
}) => {
  const memory = await it.add('/plan.md', 'first');
  await it.keep();
  await it.write('plan.md', 'mine');
  const { memories } = it.stores;
  let late = async () => void (await it.stores.changeMemory(it.store, memory.id, { text: 'theirs' }));
  it.stores.memories = async (id) => {
    const listed = await memories(id);
    await late();
    late = async () => {};
    return listed;
  };
  expect(await it.keep()).toMatch(/^\/mnt\/memory\/notes\/plan\.md is not kept: somebody else changed it in/);
  expect([await it.texts(), await it.read('plan.md')]).toEqual([{ '/plan.md': 'theirs' }, 'theirs']);
});

test('a folder of another store, as the copy of a workspace brings it, is laid aside and changes nothing', async ({
  it,
}) => {
  await it.add('/own.md', 'own');
  await it.write('foreign.md', 'foreign');
  await it.write('.corral-memory', 'memstore_other\0');
  expect(await it.keep()).toBeUndefined();
  const expected = [{ '/own.md': 'own' }, ['.corral-memory', 'own.md']];
  expect([await it.texts(), (await readdir(it.folder)).sort()]).toEqual(expected);
  const aside = join(it.client.workdir, '.session/memory/.unkept/notes/memstore_other');
  expect((await readdir(aside)).sort()).toEqual(['.corral-memory', 'foreign.md']);
});

test('a thread writes for its session, and an attempt for itself', async ({ it }) => {
  const origin = { sessionId: 's1', attempts: undefined };
  for (const [name, parent] of [
    ['thread', origin],
    ['attempt', { ...origin, attempts: 'a' }],
  ] as const) {
    await it.write(`${name}.md`, name);
    await it.folders.keep(it.session(name, { parent }), it.client, never);
  }
  const authors = (await it.stores.versions(it.store)).map(({ path, author }) => [path, author?.id]);
  expect(Object.fromEntries(authors)).toEqual({ '/thread.md': 's1', '/attempt.md': 'attempt' });
});

test('a store that is only read stays as it is, and its folder gets its texts back', async () => {
  const it = await world('read_only');
  await it.add('/rules.md', 'rules');
  await it.add('/gone.md', 'gone');
  await it.keep();
  expect((await stat(join(it.folder, 'rules.md'))).mode & 0o222).toBe(0);
  await it.remove('rules.md');
  await it.write('rules.md', 'none');
  await it.remove('gone.md');
  await it.write('own.md', 'own');
  const reported = await it.keep();
  expect(reported?.split('\n')).toEqual([
    '/mnt/memory/notes/rules.md is not kept: the memory is read-only. Your text is now in /mnt/memory/.unkept/notes/rules.md, and the stored text is in its place.',
    '/mnt/memory/notes/own.md is not kept: the memory is read-only.',
  ]);
  expect(await it.keep()).toBeUndefined(); // reported once
  expect(await it.texts()).toEqual({ '/gone.md': 'gone', '/rules.md': 'rules' });
  expect([await it.read('rules.md'), await it.read('gone.md')]).toEqual(['rules', 'gone']);
});

test('files that are no memories are refused by name, and the others are kept', async ({ it }) => {
  await it.add('/closed.md', 'closed');
  await it.add('/taken.md', 'taken');
  await it.keep();
  await it.write('big.md', 'x'.repeat(102_401));
  await it.write('bytes.bin', Uint8Array.of(0xff, 0xfe));
  await it.write('nul.md', 'a\0b');
  await it.write('bad\tname.md', 'x');
  await it.write('two\nlines.md', 'x');
  await it.write('good.md', 'good');
  await it.remove('taken.md');
  await it.write('taken.md/below.md', 'a folder in place of a file');
  await symlink('/etc/passwd', join(it.folder, 'link.md'));
  await symlink('/etc', join(it.folder, 'etc'));
  await it.client.exec({ command: 'mkfifo .session/memory/notes/pipe' }, never);
  const reported = await it.keep();
  for (const name of ['big.md', 'bytes.bin', 'nul.md', 'bad\tname.md'])
    expect(reported).toContain(`/mnt/memory/notes/${name} is not kept: `);
  const good = { '/closed.md': 'closed', '/good.md': 'good', '/taken.md/below.md': 'a folder in place of a file' };
  expect(await it.texts()).toEqual(good);
});

test('an emptied folder is no deletion, and an archived or deleted store says what happens', async ({ it }) => {
  await it.add('/a.md', 'a');
  await it.keep();
  await it.remove('.');
  expect(await it.keep()).toBeUndefined();
  expect([await it.read('a.md'), await it.texts()]).toEqual(['a', { '/a.md': 'a' }]);

  await it.stores.archive(it.store);
  await it.write('b.md', 'b');
  expect(await it.keep()).toContain('/mnt/memory/notes/b.md is not kept: the memory store is archived');
  expect(await it.texts()).toEqual({ '/a.md': 'a' });

  await it.stores.delete(it.store);
  expect(await it.keep()).toBe('/mnt/memory/notes is not kept: the memory store was deleted.');
  expect(await it.keep()).toBeUndefined();
  expect(it.ann.reports).toEqual(['/mnt/memory/notes is not kept: the memory store was deleted.']);
});

test('work that ends at any place is done once when it begins again', async ({ it }) => {
  const gone = await it.add('/gone.md', 'x');
  await it.add('/stays.md', 'old');
  await it.keep();
  for (const point of ['memory.merge.after', 'memory.push.after']) {
    await it.write('stays.md', `new ${point}`);
    await it.write(`${point}.md`, 'made');
    if (point === 'memory.merge.after') await it.remove('gone.md');
    {
      using _armed = armFailpoints(`${point}=throw`, { exit: () => {} });
      expect(await it.keep()).toContain('is not kept');
    }
    await it.keep();
  }
  const all = await it.stores.versions(it.store);
  const made = { '/memory.merge.after.md': 'made', '/memory.push.after.md': 'made' };
  expect(await it.texts()).toEqual({ ...made, '/stays.md': 'new memory.push.after' });
  expect(all).toHaveLength(2 + 2 + 2 + 1); // at each point one version more of stays.md, and the deletion
  const expected = ['deleted', 'created'];
  expect(all.filter(({ memory }) => memory === gone.id).map(({ operation }) => operation)).toEqual(expected);
});

test('two sessions that write at once lose nothing, and a lost sandbox is for its call to report', async ({ it }) => {
  const other = { session: it.session('s2'), client: await sandbox() };
  await it.keep();
  await it.folders.keep(other.session, other.client, never);
  await it.write('a.md', 'a');
  await writeFile(join(other.client.workdir, '.session/memory/notes/b.md'), 'b');
  await Promise.all([it.keep(), it.folders.keep(other.session, other.client, never)]);
  await it.keep();
  expect([await it.texts(), await it.read('b.md')]).toEqual([{ '/a.md': 'a', '/b.md': 'b' }, 'b']);

  const lost = { ...it.client, exec: () => Promise.reject(new AppError('sandbox_lost', 'gone')) };
  await expect(it.folders.keep(it.ann, lost, never)).rejects.toMatchObject({ code: 'sandbox_lost' });
  expect(it.ann.reports).toEqual([]);
});
