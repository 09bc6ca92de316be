import { buffer } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { SessionId, VolumeId } from '../../../../src/core/model/ids.ts';
import { volumeBench } from '../../../support/sandboxes/fake-volumes.ts';

const { signal } = new AbortController();
const session = { id: SessionId.parse('0123456789abcdef'), owner: 'ann' };
const choice = { volume: 'cache', path: '/mnt/c', access: 'write' as const };
/** Volumes, of which ann has one. */
async function bench(more: { quotaBytes?: number } = {}) {
  const made = volumeBench();
  const { service } = made.volumes;
  const { id } = await service.create({ name: 'cache', owner: 'ann', ...more, signal });
  return { ...made, service, id };
}
async function* bytes(...pieces: string[]) {
  for (const piece of pieces) yield Buffer.from(piece);
}

test('a name is free once for an owner, and another owner has it too', async () => {
  const { service, id } = await bench();
  await expect(service.create({ name: 'cache', owner: 'ann', signal })).rejects.toMatchObject({ code: 'conflict' });
  await service.create({ name: 'cache', owner: 'bob', signal });
  const other = await service.create({ name: 'other', owner: 'ann', signal });
  await expect(service.change(other.id, { name: 'cache' })).rejects.toMatchObject({ code: 'conflict' });
  expect(await service.change(id, { name: 'cache', quotaBytes: 5 })).toMatchObject({ quotaBytes: 5 });
});

test('the quotas and the number of the volumes of an owner are limited, also for calls at the same time', async () => {
  const { service } = volumeBench({ ownerCount: 2 }).volumes;
  const made = await Promise.allSettled(['a', 'b', 'c'].map((name) => service.create({ name, owner: 'ann', signal })));
  expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(made[2]).toMatchObject({ reason: { code: 'quota' } });
  const large = service.create({ name: 'a', owner: 'bob', quotaBytes: 2 ** 30, signal });
  await expect(large).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a volume whose storage cannot be made is not there, and a clean-up removes what was', async () => {
  const { volumes, stored, faults, clock, store } = volumeBench();
  faults.make = true;
  faults.remove = true;
  await expect(volumes.service.create({ name: 'cache', signal })).rejects.toMatchObject({ code: 'driver_unavailable' });
  expect([await volumes.service.list(), stored.size]).toEqual([[], 1]);
  expect(await volumes.collect(clock.now() + 1, signal)).toBe(1);
  expect([stored.size, await store.list('volume')]).toEqual([0, []]);
});

test('a removal that is cut off has no effect for callers but that the volume is gone, and is completed', async () => {
  const { volumes, service, id, stored, faults, clock } = await bench();
  faults.remove = true;
  await expect(service.remove(id, signal)).rejects.toMatchObject({ code: 'driver_unavailable' });
  await expect(service.get(id)).rejects.toMatchObject({ code: 'not_found' });
  await volumes.collect(clock.now() + 1, signal);
  expect(stored.size).toBe(0);
});

test('storage without a record is removed only when an earlier clean-up saw it too', async () => {
  const { volumes, stored, clock } = volumeBench();
  stored.add(VolumeId.parse('vol-00000000000000aa'));
  await volumes.service.create({ name: 'cache', signal });
  expect(await volumes.collect(clock.now(), signal)).toBe(0);
  clock.advance(10);
  expect([await volumes.collect(clock.now(), signal), stored.size]).toEqual([1, 1]);
});

test('a volume that a session has is not deleted, and the refusal names the session', async () => {
  const { service, id, sessions, stored } = await bench();
  const mounts = await sessions.mount(session, [{ ...choice, access: 'read' }]);
  const expected = { code: 'conflict', publicMessage: expect.stringContaining(session.id) };
  await expect(service.remove(id, signal)).rejects.toMatchObject(expected);
  await sessions.release(session.id, mounts);
  await service.remove(id, signal);
  expect(stored.size).toBe(0);
});

test('content is written by a sandbox that has the volume alone, and counts', async () => {
  const { service, id, files, started, ended, transfers } = await bench();
  expect(await service.writeFile(id, '/a/b.txt', bytes('hel', 'lo'), signal)).toEqual({ size: 5 });
  expect([...files]).toEqual([['volume/a/b.txt', Buffer.from('hello')]]);
  expect((await service.get(id)).usedBytes).toBe(5);
  const { size, content } = await service.readFile(id, 'a/b.txt', signal);
  expect([size, (await buffer(content)).toString()]).toEqual([5, 'hello']);
  expect(started).toMatchObject([{ how: { folder: 'volume', access: 'write' } }]);
  await transfers[Symbol.asyncDispose]();
  expect([ended.length, (await service.get(id)).holders]).toEqual([1, []]);
});

test('content that does not fit is refused while it comes, and the old file stays', async () => {
  const { service, id, files } = await bench({ quotaBytes: 8 });
  await service.writeFile(id, 'a', bytes('12345'), signal);
  const writing = service.writeFile(id, 'b', bytes('123', '4'), signal);
  await expect(writing).rejects.toMatchObject({ code: 'payload_too_large' });
  expect([...files.keys()]).toEqual(['volume/a']);
});

test.each(['..', '../x', 'a/../../x', 'a/..', '/..'])('no path leads out of a volume: %s', async (path) => {
  const { service, id } = await bench();
  for (const call of [
    () => service.readFile(id, path, signal),
    () => service.listFiles(id, path, signal),
    () => service.removeFile(id, path, signal),
    () => service.writeFile(id, path, bytes('x'), signal),
  ])
    await expect(call()).rejects.toMatchObject({ code: 'path_outside' });
});

test.each(['', '.', '/', './'])('the root of a volume is no file: %s', async (path) => {
  const { service, id } = await bench();
  await expect(service.removeFile(id, path, signal)).rejects.toMatchObject({ code: 'invalid_request' });
  await expect(service.writeFile(id, path, bytes('x'), signal)).rejects.toMatchObject({ code: 'invalid_request' });
});

test('while a session writes, content is read with the rights of a reader and never changed', async () => {
  const { service, id, sessions, started, files } = await bench();
  await sessions.mount(session, [choice]);
  files.set('volume/a', Buffer.from('x'));
  await expect(service.writeFile(id, 'a', bytes('y'), signal)).rejects.toMatchObject({ code: 'conflict' });
  await expect(service.removeFile(id, 'a', signal)).rejects.toMatchObject({ code: 'conflict' });
  await buffer((await service.readFile(id, 'a', signal)).content);
  expect(started.map((spec) => (spec as unknown as { how: { access: string } }).how.access)).toEqual(['read']);
});

test('a session that wants to write ends the sandbox of a transfer that nobody uses, and waits for none that works', async () => {
  const { service, id, sessions, ended, files } = await bench();
  files.set('volume/a', Buffer.from('x'));
  const { content } = await service.readFile(id, 'a', signal);
  const expected = { code: 'conflict', publicMessage: expect.stringContaining('being moved') };
  await expect(sessions.mount(session, [choice])).rejects.toMatchObject(expected);
  await buffer(content);
  await vi.waitFor(() => sessions.mount(session, [choice]));
  expect(ended).toHaveLength(1);
});

test('a transfer that a killed server left holds the volume only for a while, and not after the start of a lone server', async () => {
  const { volumes, id, sessions, records, clock, running, ended } = await bench();
  running.push(
    { id: 'sbx-00000000000000aa', template: 'corral.volume' },
    { id: 'sbx-00000000000000bb', template: 'default' },
  );
  const left = { sessionId: SessionId.parse('00000000000000aa'), access: 'write' as const, at: clock.now() };
  const hold = () => records.update(id, (now) => ({ ...now, holders: [{ ...left, until: clock.now() + 1_000 }] }));
  await hold();
  await expect(sessions.mount(session, [choice])).rejects.toMatchObject({ code: 'conflict' });
  await volumes.freeTransfers(signal);
  expect(ended).toEqual(['sbx-00000000000000aa']);
  await sessions.release(session.id, await sessions.mount(session, [choice]));
  await hold();
  clock.advance(1_001);
  await sessions.mount(session, [choice]);
});
