import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { SessionId } from '../../../../src/core/model/ids.ts';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import type { SandboxOptions } from '../../../../src/core/model/records.ts';
import type { SandboxClient } from '../../../../src/sandboxes/client/client.ts';
import { CopyStore } from '../../../../src/sessions/forks/copies.ts';
import { type NamedSnapshotPolicy, NamedSnapshotStore } from '../../../../src/sessions/forks/named-snapshots.ts';
import type { WorkspaceArchiver } from '../../../../src/sessions/forks/workspace-archive.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { holdingsOf } from '../../../support/budgets/holdings.ts';
import { tarOf } from '../../../support/hostile/tar-entries.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { sessionId } from '../../../support/machines/session-parts.ts';
import { memoryBlobs } from '../../../support/stores/memory-blobs.ts';

const { signal } = new AbortController();

/** `writes`: what a program in the sandbox does during the n-th copy. */
function bench(
  { ownerCount = 10, ...policy }: Partial<NamedSnapshotPolicy> & { readonly ownerCount?: number } = {},
  writes: (copy: number) => boolean = () => false,
  sandbox?: SandboxOptions,
) {
  const { records } = createInMemoryStore();
  const blobs = memoryBlobs();
  const clock = manualClock(1_000);
  const ids = createIdSource();
  let [content, packs] = ['one' as string | Buffer, 0];
  const made: object[] = [];
  const archive: WorkspaceArchiver = {
    measure: async () => ({ print: `${content}`, bytes: content.length }),
    async *pack() {
      if (writes(++packs)) content += '+';
      yield Buffer.from(content);
    },
    unpack: async () => {},
  };
  const copies = new CopyStore({ records, blobs, clock, newId: () => ids.short() });
  const named = new NamedSnapshotStore({
    policy: { maxBytes: 100, ownerBytes: 1_000, ...policy },
    holdings: holdingsOf(records, { person: { snapshots: ownerCount } }).holdings,
    records,
    copies,
    archive,
    clock,
    ids,
    sandboxes: { use: async () => ({ client: {} as SandboxClient, [Symbol.asyncDispose]: async () => {} }) },
    sessions: () =>
      ({
        get: async () => ({ id: sessionId, template: 'default', title: '', owner: 'ann', projectId: null, sandbox }),
        async create(command: object) {
          made.push(command);
          return { id: sessionId };
        },
      }) as never,
  });
  const write = (bytes: string | Buffer) => {
    content = bytes;
  };
  const take = (archive: Buffer, more: { name?: string; owner?: string } = {}) =>
    named.service.imported({ content: inPieces(archive), ...more, signal });
  return { named, service: named.service, copies, blobs, records, clock, made, write, take };
}
async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1_000) yield bytes.subarray(at, at + 1_000);
}
const other = 'fedcba9876543210' as SessionId;

test('a copy during which a file changed is made again, and only a whole one is kept', async () => {
  const { service, blobs } = bench({}, (copy) => copy === 1);
  const { id } = await service.make(sessionId, { signal });
  expect(blobs.kept.get(id)?.toString()).toBe('one+');
});

test('files that always change are refused, and nothing is left of the copies', async () => {
  const { service, blobs, records } = bench({}, () => true);
  await expect(service.make(sessionId, { signal })).rejects.toMatchObject({ code: 'conflict' });
  expect([blobs.kept.size, await records.list('snapshot-blob')]).toEqual([0, []]);
});

test('a newer snapshot takes the name of an older one, which stays', async () => {
  const { service } = bench();
  const first = await service.make(sessionId, { name: 'cache', signal });
  const second = await service.make(sessionId, { name: 'cache', signal });
  expect((await service.find('cache')).id).toBe(second.id);
  expect(await service.get(first.id)).toMatchObject({ name: null });
});

test('an owner keeps no more than allowed, and a snapshot that is deleted makes room', async () => {
  const { service } = bench({ ownerCount: 1 });
  const { id } = await service.make(sessionId, { signal });
  await expect(service.make(sessionId, { signal })).rejects.toMatchObject({ code: 'quota' });
  await service.remove(id);
  await service.make(sessionId, { signal });
});

test('no session begins with a snapshot whose content is not what was kept, and none is exported', async () => {
  const { named, service, blobs } = bench();
  const { id, sha256 } = await service.make(sessionId, { signal });
  const { blob } = await named.hand({ blob: id, sha256 }, other);
  expect(blobs.kept.get(blob)?.toString()).toBe('one');
  blobs.kept.set(id, Buffer.from('two'));
  await expect(named.hand({ blob: id, sha256 }, other)).rejects.toMatchObject({ code: 'conflict' });
  await expect(service.exported(id)).rejects.toMatchObject({ code: 'conflict' });
  expect(blobs.kept.size).toBe(2); // the damaged one, and the good copy from before
});

test('forks begin with one copy, which goes when they are made', async () => {
  const { service, blobs, made, records } = bench();
  expect(await service.fork(sessionId, { count: 3, origin: 'trpc', signal })).toHaveLength(3);
  expect(new Set(made.map((one) => JSON.stringify((one as { startsFrom: object }).startsFrom))).size).toBe(1);
  expect([blobs.kept.size, await records.list('snapshot-blob')]).toEqual([0, []]);
});

test('what an earlier version left unfinished is removed, and nothing else', async () => {
  const { copies, service, blobs, records, clock } = bench();
  const { id } = await service.make(sessionId, { signal });
  blobs.kept.set('snap-dead', Buffer.from('half'));
  await records.put({ kind: 'named-snapshot', id: 'snap-dead', doc: { making: clock.now() } });
  await expect(service.get('snap-dead')).rejects.toMatchObject({ code: 'not_found' });
  expect((await service.list()).map((one) => one.id)).toEqual([id]);
  expect([await copies.collect(clock.now()), await copies.collect(clock.now() + 1)]).toEqual([0, 1]);
  expect([...blobs.kept.keys()]).toEqual([id]);
});

const workspace = gzipSync(tarOf({ name: './note.txt', content: 'kept' }));
/** An archive from one installation, as a stream that the other one reads. */
async function archived(): Promise<Buffer> {
  const { service, write } = bench({ maxBytes: 10_000 });
  write(workspace);
  const { id } = await service.make(sessionId, { name: 'cache', labels: { branch: 'main' }, signal });
  return Buffer.concat(await Array.fromAsync((await service.exported(id)).content));
}
const room = { maxBytes: 10_000 };

test('a snapshot that another installation exported is kept with its files and labels, for whoever imports it', async () => {
  const content = await archived();
  const { named, service, blobs, take } = bench(room);
  const made = await take(content, { name: 'moved', owner: 'bob' });
  expect(made).toMatchObject({ name: 'moved', labels: { branch: 'main' }, template: 'default', owner: 'bob' });
  expect([made.bytes, blobs.kept.get(made.id)?.equals(workspace)]).toEqual([workspace.length, true]);
  expect(await service.list('bob')).toEqual([made]);
  await named.hand({ blob: made.id, sha256: made.sha256 }, other);
  expect((await take(content, { owner: 'bob' })).name).toBe(null); // a name from there could be one of bob's
});

const cut = (content: Buffer) => content.subarray(0, content.length / 2);
const lying = (content: Buffer) =>
  Buffer.from(content.map((byte, at) => (at === content.indexOf(workspace) + 4 ? 9 : byte)));
test.for<[string, (content: Buffer) => Buffer]>([
  ['half of an archive', cut],
  ['an archive whose files have another hash', lying],
])('%s leaves nothing', async ([, change]) => {
  const { take, blobs, records } = bench(room);
  await expect(take(change(await archived()))).rejects.toMatchObject({ code: 'invalid_request' });
  expect([blobs.kept.size, await records.list('snapshot-blob')]).toEqual([0, []]);
});

test('an import that would pass the limits of its owner is refused, and the name stays where it was', async () => {
  const content = await archived();
  const { service, blobs, take } = bench({ ...room, ownerCount: 1 });
  const ofBob = { name: 'cache', owner: 'bob' };
  const { id } = await take(content, ofBob);
  const more = [1, 2].map(() => take(content, ofBob));
  for (const one of await Promise.allSettled(more)) expect(one).toMatchObject({ reason: { code: 'quota' } });
  expect([(await service.find('cache', 'bob')).id, blobs.kept.size]).toEqual([id, 1]);
  await take(content, { owner: 'ann' });
  await expect(bench({ maxBytes: 3 }).take(content)).rejects.toMatchObject({ code: 'payload_too_large' });
});

test('a snapshot keeps the image that its session began with, and an export does not name it', async () => {
  const built = { image: 'corral-built/0123', start: { command: 'serve', folder: '/' } };
  const { service } = bench({}, undefined, built);
  const made = await service.make(sessionId, { signal });
  expect(made.built).toEqual(built);
  const { content } = await service.exported(made.id);
  expect(Buffer.concat(await Array.fromAsync(content)).includes('corral-built')).toBe(false);
});
