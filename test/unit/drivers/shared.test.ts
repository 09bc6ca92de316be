import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  acquireMachineLock,
  findProcessesByVariable,
  isProcessAlive,
  killProcess,
  readProcessIdentity,
} from '../../../drivers/process/proc.ts';
import { openSandboxFolders, toSandboxInfoFields } from '../../../drivers/shared/folders.ts';
import { SingleFlight } from '../../../drivers/shared/pool/single-flight.ts';
import { raceAbort } from '../../../src/core/concurrency/cancel.ts';
import { type SandboxId, sessionIdOf } from '../../../src/core/model/ids.ts';
import { testSpec } from '../../support/conformance/harness.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const call = (signal: AbortSignal = new AbortController().signal) => ({ signal });

describe('joined operations', () => {
  test('a second call joins the first', async () => {
    const joined = new SingleFlight<number>();
    let runs = 0;
    const run = async () => ++runs;
    expect(await Promise.all([joined.join('a', call(), run), joined.join('a', call(), run)])).toEqual([1, 1]);
    expect(await joined.join('a', call(), run)).toBe(2);
  });

  test('the operation is cancelled when the last caller has left, and the next waits for its clean-up', async () => {
    const joined = new SingleFlight<string>();
    const first = new AbortController();
    const second = new AbortController();
    const log: string[] = [];
    const cleanedUp = Promise.withResolvers<void>();
    const run = async ({ signal }: { signal: AbortSignal }) => {
      await raceAbort(new Promise<never>(() => {}), signal).catch(async () => {
        log.push('cancelled');
        await cleanedUp.promise;
        log.push('cleaned up');
      });
      return 'never used';
    };
    const left = joined.join('a', call(first.signal), run).catch((error) => error.code);
    const last = joined.join('a', call(second.signal), run).catch((error) => error.code);
    first.abort();
    expect([await left, log]).toEqual(['cancelled', []]);
    second.abort();
    expect(await last).toBe('cancelled');
    const next = joined.join('a', call(), async () => {
      log.push('next');
      return 'next';
    });
    cleanedUp.resolve();
    expect([await next, log]).toEqual(['next', ['cancelled', 'cleaned up', 'next']]);
  });
});

describe('folders', () => {
  const owner = { driver: 'test', instance: 'test' };
  const meta = () => ({ ...owner, ...toSandboxInfoFields(testSpec('image')), token: 'first-token' });

  test('the first token stays, and only the server’s user can read it', async () => {
    using folder = temporaryFolder();
    const folders = await openSandboxFolders(folder.path);
    const expected = meta();
    await folders.prepare(expected);
    expect(await folders.prepare({ ...expected, epoch: 2, token: 'second-token' })).toMatchObject({
      token: 'first-token',
    });
    expect(await folders.read(expected.id)).toMatchObject({ token: 'first-token', epoch: 2 });
    expect((await stat(join(folders.home(expected.id), 'meta.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(folders.home(expected.id))).mode & 0o777).toBe(0o700);
    expect((await stat(folders.mount(expected.id))).mode & 0o777).toBe(0o755);
  });

  test('a missing mount is made again, and the folder of a removed sandbox is not', async () => {
    using folder = temporaryFolder();
    const folders = await openSandboxFolders(folder.path);
    const { id } = await folders.prepare(meta());
    await rm(folders.mount(id), { recursive: true });
    expect(await folders.mended(id)).toMatchObject({ id });
    expect((await stat(folders.mount(id))).mode & 0o777).toBe(0o755);
    await folders.remove(id);
    expect([await folders.mended(id), await folders.ids()]).toEqual([undefined, []]);
  });

  test('a folder that is removed while its mount is made again stays removed', async () => {
    using folder = temporaryFolder();
    const path = (id: SandboxId) => join(folder.path, id, 'mount');
    let removesFirst = false;
    const folders = await openSandboxFolders(folder.path, {
      path,
      async make(id) {
        if (removesFirst) await folders.remove(id);
        await mkdir(path(id), { recursive: true });
      },
      remove: async () => {},
    });
    const { id } = await folders.prepare(meta());
    removesFirst = true;
    expect([await folders.mended(id), await folders.ids()]).toEqual([undefined, []]);
  });

  test('a folder’s labels are shown to its owner alone, and those of a folder without a record to everyone', async () => {
    using folder = temporaryFolder();
    const folders = await openSandboxFolders(folder.path);
    const known = await folders.prepare(meta());
    const { id } = known;
    expect(await folders.labels(id, owner)).toEqual(toSandboxInfoFields(known));
    expect(await folders.labels(id, { ...owner, driver: 'another' })).toBeUndefined();
    expect(await folders.labels(id, { ...owner, instance: 'another' })).toBeUndefined();
    await rm(join(folders.home(id), 'meta.json'));
    expect(await folders.labels(id, owner)).toMatchObject({ id, sessionId: sessionIdOf(id) });
    await folders.remove(id);
    expect(await folders.labels(id, owner)).toBeUndefined();
  });

  test('a record that cannot be read now is not taken for a missing one', async () => {
    using folder = temporaryFolder();
    const folders = await openSandboxFolders(folder.path);
    const { id } = await folders.prepare(meta());
    const path = join(folders.home(id), 'meta.json');
    await rm(path);
    await mkdir(path); // cannot be read, as any file while the process has too many open
    const refused = { code: 'sandbox_unavailable', retryable: true };
    await expect(folders.mended(id)).rejects.toMatchObject(refused);
    await expect(folders.labels(id, owner)).rejects.toMatchObject(refused);
    expect(await folders.ids()).toEqual([id]);
  });

  test('two servers that prepare one folder at once agree on the token', async () => {
    using folder = temporaryFolder();
    const expected = meta();
    const servers = await Promise.all([1, 2, 3, 4].map(() => openSandboxFolders(folder.path)));
    const made = await Promise.all(servers.map((it, n) => it.prepare({ ...expected, token: `${n}-token-of-its-own` })));
    expect(new Set(made.map(({ token }) => token)).size).toBe(1);
  });

  test('a path too long for a socket is replaced by a short private folder, always the same one', async () => {
    using folder = temporaryFolder();
    const long = join(folder.path, 'a-long-name-'.repeat(6));
    const folders = await openSandboxFolders(long);
    const { id } = meta();
    expect(Buffer.byteLength(join(folders.mount(id), 'control.0123456789ab'))).toBeLessThanOrEqual(107);
    expect((await openSandboxFolders(long)).mount(id)).toBe(folders.mount(id));
    const short = join(folders.mount(id), '../..');
    expect((await stat(short)).mode & 0o777).toBe(0o700);
    await rm(short, { recursive: true });
  });
});

describe('processes', () => {
  test('a process with another start time or from another boot is another process', async () => {
    const mark = (await readProcessIdentity(process.pid)) ?? { pid: 0, startTime: '', boot: '' };
    expect([await isProcessAlive(mark), await isProcessAlive({ ...mark, startTime: '1' })]).toEqual([true, false]);
    expect(await isProcessAlive({ ...mark, boot: 'before' })).toBe(false);
    await killProcess({ ...mark, startTime: '1' }, 'process'); // must kill nothing, or it would end this test
  });

  test('a lock is held by one at a time and free again after its end', async () => {
    const name = `test ${process.pid} ${Math.random()}`;
    const [never, leaving] = [new AbortController(), new AbortController()];
    const first = await acquireMachineLock(name, never.signal);
    const refused = acquireMachineLock(name, leaving.signal);
    setImmediate(() => leaving.abort());
    await expect(refused).rejects.toMatchObject({ code: 'cancelled' });
    const second = acquireMachineLock(name, never.signal);
    await first[Symbol.asyncDispose]();
    await (await second)[Symbol.asyncDispose]();
  });
});

test('looking through all processes of the machine holds few files open', { tags: ['all'] }, async () => {
  const value = crypto.randomUUID();
  const children = Array.from({ length: 60 }, () => spawn('sleep', ['60'], { env: { CORRAL_TEST: value } }));
  try {
    await Promise.all(children.map((child) => once(child, 'spawn')));
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    let most = 0;
    let isOver = false;
    const look = () => {
      most = Math.max(most, open());
      if (!isOver) setImmediate(look);
    };
    look();
    const found = await findProcessesByVariable('CORRAL_TEST', value);
    isOver = true;
    expect(found.map(({ pid }) => pid).sort()).toEqual(children.map(({ pid }) => pid).sort());
    expect(most - before).toBeLessThan(10);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
});
