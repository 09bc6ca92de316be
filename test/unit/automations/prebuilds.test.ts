import { describe, expect, test } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import type { SessionRepository } from '../../../src/core/model/repository.ts';
import type { RepositoryEnvironment } from '../../../src/core/model/repository-environment.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { automationWorld, begin, fakeSessions, minute, spec } from '../../support/automations/world.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const url = 'https://example.org/team/project';
const prebuild = { ...spec, kind: 'prebuild', message: '', repositories: [{ url, access: 'write' }] } as const;
const environment: RepositoryEnvironment = {
  ...{ problem: null, setup: 'ran', starts: false, template: null },
  ...{ tools: [], egress: [], ports: [], checks: [] },
};
const ready = (change: Partial<RepositoryEnvironment>): Partial<SessionRepository> => ({
  state: 'ready',
  environment: { ...environment, ...change },
});

/** A server whose sandboxes do `act` with the repositories of a session. */
function prebuildWorld(act: (id: SessionId, fake: ReturnType<typeof fakeSessions>) => void | Promise<void>) {
  const fake = fakeSessions();
  const prepared: SessionId[] = [];
  const world = automationWorld({
    fake,
    prepare: async (id) => {
      prepared.push(id);
      await act(id, fake);
    },
  });
  /** Rounds until nothing is left to do, as the scheduler's wakes would cause them. */
  async function startAndFollow() {
    const { id } = await world.service.create(prebuild);
    await world.service.start(id, null);
    for (let round = 0; round < 4; round++) await world.round();
    const [start] = await world.service.starts(id, { limit: 1 });
    return { id, start };
  }
  return { ...world, prepared, startAndFollow };
}

describe('a prebuild', () => {
  test('prepares the repositories in a session without an agent, tells what is kept, and removes the session', async () => {
    const detail = '.corral/setup.sh of project ran; its files (200 MB) are kept for later sessions.';
    const { startAndFollow, fake, prepared } = prebuildWorld((id, { prepared: done }) =>
      done(id, ready({ storedBytes: 2e8 }), detail),
    );
    const { start } = await startAndFollow();
    const expected = { ...{ kind: 'prebuild', state: 'ended', text: detail }, outcome: { status: 'completed' } };
    expect(start).toMatchObject(expected);
    expect([prepared, [fake.sent, [...fake.all]]]).toEqual([[start?.sessionId], [[], []]]);
  });

  test.for([
    ['a fetch that failed', { state: 'failed', error: 'example.org asks for a credential.' }, /asks for a credential/],
    ['a setup that failed', ready({ setup: 'failed' }), /ended with 3/],
    ['files that are too large to keep', ready({ setup: 'ran' }), /ended with 3/],
    ['a repository without a setup', ready({ setup: 'none' }), /has no \.corral\/setup\.sh/],
  ] as const)('of %s fails with the reason, and removes the session', async ([, change, text]) => {
    const { startAndFollow, fake } = prebuildWorld((id, { prepared: done }) =>
      done(id, change, '.corral/setup.sh of project ended with 3.'),
    );
    const { start } = await startAndFollow();
    expect(start).toMatchObject({ state: 'ended', outcome: { status: 'failed' } });
    expect(start?.text).toMatch(text);
    expect([...fake.all]).toEqual([]);
  });

  test('without a sandbox fails with the reason, and is tried again where there is no room yet', async () => {
    const broken = prebuildWorld(() => {
      throw new AppError('sandbox_unavailable', 'The image cannot be pulled.');
    });
    expect(new AppError('sandbox_unavailable', '').retryable).toBe(true);
    const { id } = await broken.service.create(prebuild);
    await broken.service.start(id, null);
    for (let round = 0; round < 6; round++) await broken.round();
    expect(broken.prepared.length).toBeGreaterThan(1);
    expect(await broken.states(id)).toEqual(['running']);
    broken.clock.advance(11 * minute);
    await broken.service.pause(id);
    for (let round = 0; round < 6; round++) await broken.round();
    const starts = await broken.service.starts(id, { limit: 10 });
    const expected = { ...{ state: 'ended', text: 'The image cannot be pulled.' }, outcome: { status: 'failed' } };
    expect(starts.at(-1)).toMatchObject(expected);
    expect(broken.fake.all.size).toBe(0);
  });

  test('is followed by another server where the one that began it is gone, also right after its end', async () => {
    const [store, fake, clock] = [createInMemoryStore({ shared: true }), fakeSessions(), manualClock(begin)];
    const never = () => new Promise<void>(() => {});
    const first = automationWorld({ store, fake, clock, prepare: never });
    const { id } = await first.service.create(prebuild);
    await first.service.start(id, null);
    await first.round();
    await first.round();
    expect(await first.states(id)).toEqual(['running']);
    const second = automationWorld({
      ...{ store, fake, clock },
      prepare: async (session) => fake.prepared(session, ready({ storedBytes: 1 }), 'It is kept.'),
    });
    const stop = fake.sessions.delete;
    fake.sessions.delete = () => Promise.reject(new AppError('store_unavailable', 'The store does not respond.'));
    for (let round = 0; round < 4; round++) await second.round();
    expect(await second.states(id)).toEqual(['running']); // its session has not been deleted yet
    fake.sessions.delete = stop;
    const third = automationWorld({ store, fake, clock, prepare: never });
    await third.round();
    expect((await third.service.starts(id, { limit: 1 }))[0]).toMatchObject({ state: 'ended', text: 'It is kept.' });
    expect(fake.all.size).toBe(0);
  });

  test('needs a repository, no message, and a server that keeps prepared files; a run needs a message', async () => {
    const { service } = automationWorld();
    const refused = (change: object) => expect(service.create({ ...prebuild, ...change })).rejects;
    await refused({ repositories: [] }).toMatchObject({ code: 'invalid_request', message: /at least one/ });
    await refused({ message: 'Do it.' }).toMatchObject({ code: 'invalid_request', message: /runs no agent/ });
    await refused({ kind: 'run' }).toMatchObject({ code: 'invalid_request', message: /the task for the agent/ });
    const without = automationWorld({ keepsPrepared: false });
    await expect(without.service.create(prebuild)).rejects.toThrow(/repositories\.keep-prepared/);
    const { id } = await service.create(prebuild);
    await expect(service.update(id, { kind: 'run' })).rejects.toThrow(/the task for the agent/);
    await expect(service.update(id, { repositories: [] })).rejects.toThrow(/at least one/);
    expect((await service.get(id)).version).toBe(1);
  });
});

test('a run begins with the repositories of its automation', async () => {
  const { service, round, fake } = automationWorld();
  const { id } = await service.create({ ...spec, repositories: prebuild.repositories });
  await service.start(id, null);
  await round();
  await round();
  expect([...fake.all.values()][0]?.repositories).toMatchObject([{ url, path: 'project', state: 'waiting' }]);
  expect(fake.sent).toHaveLength(1);
});
