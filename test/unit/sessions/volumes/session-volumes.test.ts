import { expect, test } from 'vitest';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { findMountPathProblem } from '../../../../src/core/model/sandboxes/volume.ts';
import { findMountedVolumes, SessionVolumes } from '../../../../src/sessions/volumes/session-volumes.ts';
import { volumeBench } from '../../../support/sandboxes/fake-volumes.ts';

const { signal } = new AbortController();
const [one, two] = ['0123456789abcdef', 'fedcba9876543210'].map((id) => SessionId.parse(id)) as [SessionId, SessionId];
const ann = (id: SessionId) => ({ id, owner: 'ann' });
const place = { volume: 'cache', path: '/mnt/c' };
const choice = (access: 'read' | 'write' = 'write', over: object = {}) => ({ ...place, access, ...over });
const missing = { code: 'not_found' };
async function bench() {
  const parts = volumeBench();
  const cache = await parts.volumes.service.create({ name: 'cache', owner: 'ann', signal });
  const isStored = (id: SessionId) => parts.store.put({ kind: 'session', id, doc: { id } });
  return { ...parts, cache, isStored };
}

test('a volume has one writer, which a refusal names, and any number of readers', async () => {
  const { sessions, cache } = await bench();
  expect(await sessions.mount(ann(one), [choice()])).toEqual([{ volume: cache.id, path: '/mnt/c', access: 'write' }]);
  const expected = { code: 'conflict', publicMessage: expect.stringContaining(one) };
  await expect(sessions.mount(ann(two), [choice()])).rejects.toMatchObject(expected);
  await sessions.mount(ann(two), [choice('read')]);
});

test('the right to write outlives a restart of the server, and ends with the session', async () => {
  const { sessions, records, transfers, clock, isStored, volumes } = await bench();
  const mounts = await sessions.mount(ann(one), [choice()]);
  await isStored(one);
  clock.advance(3_600_000);
  const restarted = new SessionVolumes({ records, transfers, clock, refusal: undefined });
  await volumes.freeTransfers(signal);
  await expect(restarted.mount(ann(two), [choice()])).rejects.toMatchObject({ code: 'conflict' });
  await restarted.release(one, mounts);
  await restarted.mount(ann(two), [choice()]);
});

test('a session that was never made, or is gone, keeps nobody from writing', async () => {
  const { sessions, clock } = await bench();
  await sessions.mount(ann(one), [choice()]); // the server is killed before it stores the session
  await expect(sessions.mount(ann(two), [choice()])).rejects.toMatchObject({ code: 'conflict' });
  clock.advance(61_000);
  await sessions.mount(ann(two), [choice()]);
});

test('a session gets all of its volumes or none', async () => {
  const { sessions, volumes, cache } = await bench();
  await volumes.service.create({ name: 'other', owner: 'ann', signal });
  await sessions.mount(ann(one), [choice()]);
  const both = [choice('write', { volume: 'other', path: '/data' }), choice()];
  await expect(sessions.mount(ann(two), both)).rejects.toMatchObject({ code: 'conflict' });
  await volumes.service.remove((await volumes.service.find('other')).id, signal);
  await expect(volumes.service.remove(cache.id, signal)).rejects.toMatchObject({ code: 'conflict' });
});

test("another owner's volume is not there, by its name or its id, also for sessions without an owner", async () => {
  const { sessions, cache } = await bench();
  for (const owner of ['bob', undefined])
    for (const volume of ['cache', cache.id])
      await expect(sessions.mount({ id: one, owner }, [choice('read', { volume })])).rejects.toMatchObject(missing);
});

test("a session mounts volumes of its project, before its owner's, and none of another project", async () => {
  const { sessions, volumes, records, cache } = await bench();
  const projectId = 'p';
  const ofProject = await volumes.service.create({ name: 'cache', owner: 'bob', projectId, signal });
  const again = volumes.service.create({ name: 'cache', owner: 'ann', projectId, signal });
  await expect(again).rejects.toMatchObject({ code: 'conflict' });
  const inProject = { ...ann(one), projectId };
  const [mounted] = await sessions.mount(inProject, [choice('read')]);
  expect(mounted?.volume).toBe(ofProject.id);
  const sandbox = { volumes: mounted ? [mounted] : [] };
  expect(await findMountedVolumes(records, { ...inProject, sandbox })).toMatchObject([{ volume: ofProject.id }]);
  const elsewhere = findMountedVolumes(records, { ...inProject, projectId: 'q', sandbox });
  await expect(elsewhere).rejects.toMatchObject({ code: 'sandbox_unavailable' });
  await sessions.checkMove({ sandbox }, projectId);
  for (const to of ['q', null])
    await expect(sessions.checkMove({ sandbox }, to)).rejects.toMatchObject({ code: 'conflict' });
  const own = await sessions.mount(inProject, [choice('read', { volume: cache.id, path: '/data' })]);
  await sessions.checkMove({ sandbox: { volumes: own } }, null);
  expect(own.map(({ volume }) => volume)).toEqual([cache.id]);
  for (const session of [ann(two), { ...ann(two), projectId: 'q' }])
    await expect(sessions.mount(session, [choice('read', { volume: ofProject.id })])).rejects.toMatchObject(missing);
});

test.each([
  ['/mnt', 'below /mnt'],
  ['/proc/1', 'no other folder'],
  ['/workspace/x', 'no other folder'],
  ['/home/user/x', 'no other folder'],
  ['/run/corral', 'no other folder'],
  ['/etc', 'no other folder'],
  ['/', 'absolute path'],
  ['mnt/x', 'absolute path'],
  ['/mnt/../etc', 'absolute path'],
  ['/mnt//x', 'absolute path'],
  ['/mnt/x/', 'absolute path'],
  ['/mnt/a b', 'absolute path'],
  ['/mnt/a\n/b', 'absolute path'],
  ['/mnt/session/x', "Corral's own"],
  ['/mnt/memory', "Corral's own"],
])('no volume is mounted at %s', async (path, why) => {
  const { sessions } = await bench();
  const expected = { code: 'invalid_request', publicMessage: expect.stringContaining(why) };
  await expect(sessions.mount(ann(one), [choice('read', { path })])).rejects.toMatchObject(expected);
});

test('volumes are mounted below /mnt, and at or below a few other folders', () => {
  for (const path of ['/mnt/a', '/data', '/data/a/b', '/srv', '/media/x', '/volumes/a.b_c-d'])
    expect([path, findMountPathProblem(path)]).toEqual([path, undefined]);
});

test('one volume does not hide another, and a session has a volume once', async () => {
  const { sessions, volumes } = await bench();
  await volumes.service.create({ name: 'other', owner: 'ann', signal });
  const hidden = [choice('read'), choice('read', { volume: 'other', path: '/mnt/c/d' })];
  await expect(sessions.mount(ann(one), hidden)).rejects.toMatchObject({ code: 'invalid_request' });
  const twice = [choice('read'), choice('read', { path: '/data' })];
  await expect(sessions.mount(ann(one), twice)).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a volume over its quota is read, and not written', async () => {
  const { sessions, records, cache } = await bench();
  await records.update(cache.id, (now) => ({ ...now, usedBytes: now.quotaBytes + 1 }));
  await expect(sessions.mount(ann(one), [choice()])).rejects.toMatchObject({ code: 'quota' });
  await sessions.mount(ann(one), [choice('read')]);
});

test('a copy of a session reads the volumes that its own owner has', async () => {
  const { sessions } = await bench();
  const volumes = await sessions.mount(ann(one), [choice()]);
  const expected = { cpus: 1, volumes: volumes.map((mount) => ({ ...mount, access: 'read' })) };
  expect(await sessions.forCopy(ann(two), { cpus: 1, volumes })).toEqual(expected);
  expect(await sessions.forCopy({ id: two, owner: 'bob' }, { cpus: 1, volumes })).toEqual({ cpus: 1 });
  expect(await sessions.forCopy(ann(two), { cpus: 1 })).toEqual({ cpus: 1 });
});

test('a sandbox writes only as long as its session has that right, and does not start without its volume', async () => {
  const { sessions, records, volumes } = await bench();
  const mounts = await sessions.mount(ann(one), [choice()]);
  const session = { id: one, sandbox: { volumes: mounts } };
  expect(await findMountedVolumes(records, session)).toMatchObject([{ access: 'write', quotaBytes: 2 ** 20 }]);
  await sessions.release(one, mounts);
  expect(await findMountedVolumes(records, session)).toMatchObject([{ access: 'read' }]);
  await volumes.service.remove(mounts[0]?.volume ?? '', signal);
  await expect(findMountedVolumes(records, session)).rejects.toMatchObject({ code: 'sandbox_unavailable' });
});

test('a driver without volumes is named before anything is taken', async () => {
  const { records, transfers, clock } = await bench();
  const sessions = new SessionVolumes({ records, transfers, clock, refusal: 'its sandboxes are a fake' });
  await expect(sessions.mount(ann(one), [choice()])).rejects.toMatchObject({ code: 'unsupported' });
  expect(await sessions.mount(ann(one), [])).toEqual([]);
});
