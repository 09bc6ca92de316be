import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { DesktopAvailability } from '../../../../src/sessions/api/desktop.ts';
import type { ServerHealth } from '../../../../src/sessions/api/sessions.ts';
import {
  checkServerHealth,
  createSharedHealthCheck,
  SessionCountCache,
} from '../../../../src/sessions/services/health.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const hangs = () => new Promise<never>(() => {});
const works = async () => {};

/** The health after the checks' time limit; undefined if it is still unknown then. */
async function healthOf({
  store = works as () => Promise<void>,
  driver = works as () => Promise<void>,
  count = (async () => ({ total: 3, running: 1, waiting: 0 })) as () => Promise<object>,
  desktop = { state: 'none' } as DesktopAvailability,
} = {}) {
  const clock = manualClock();
  const answer = checkServerHealth(
    {
      store: { check: store } as never,
      driver: { name: 'docker', check: driver, capabilities: {} } as never,
      model: { name: 'demo' } as never,
      desktopFor: () => desktop,
      sessions: count as never,
      clock,
    },
    new AbortController().signal,
  );
  clock.advance(800);
  return await Promise.race([answer, new Promise<undefined>((resolve) => setImmediate(resolve, undefined))]);
}

test('a store that hangs, and with it the count of the sessions, says nothing against the sandboxes', async () =>
  expect(await healthOf({ store: hangs, count: hangs })).toMatchObject({
    storage: { status: 'unhealthy' },
    sandbox: { status: 'healthy', driver: 'docker' },
    model: { status: 'healthy' },
    sessions: { total: 0, running: 0, waiting: 0 },
  }));

test('a driver that hangs or fails is unhealthy, in its own words', async () => {
  expect(await healthOf({ driver: hangs })).toMatchObject({
    storage: { status: 'healthy' },
    sandbox: { status: 'unhealthy', detail: expect.any(String) },
    sessions: { total: 3 },
  });
  const fails = () => Promise.reject(new AppError('driver_unavailable', 'Docker does not answer.'));
  const expected = { status: 'unhealthy', driver: 'docker', detail: 'Docker does not answer.' };
  expect((await healthOf({ driver: fails }))?.sandbox).toEqual(expected);
});

test('a desktop that is being built is shown with its state', async () => {
  const desktop: DesktopAvailability = { state: 'building', seconds: 3 };
  expect((await healthOf({ desktop }))?.sandbox).toMatchObject({ desktop });
});

test('all who ask at the same time share one look, and the next one after a bad answer looks again', async () => {
  const looks: PromiseWithResolvers<never>[] = [];
  const health = createSharedHealthCheck(() => {
    const look = Promise.withResolvers<never>();
    looks.push(look);
    return look.promise;
  }, manualClock());
  const requested = Array.from({ length: 100 }, () => health());
  expect(looks).toHaveLength(1);
  looks[0]?.reject(new Error('this look failed'));
  expect((await Promise.allSettled(requested)).every(({ status }) => status === 'rejected')).toBe(true);
  void health().catch(() => {});
  expect(looks).toHaveLength(2);
});

const good = (await healthOf()) as ServerHealth;
const bad = (await healthOf({ driver: hangs })) as ServerHealth;

test('a good answer serves for 200 ms, a bad one for nobody else', async () => {
  let [now, looks, answer] = [0, 0, good];
  const look = async () => {
    looks++;
    return answer;
  };
  const health = createSharedHealthCheck(look, manualClock(), () => now);
  await health();
  now = 199;
  await health();
  expect(looks).toBe(1);
  now = 200;
  answer = bad;
  expect((await health()).sandbox.status).toBe('unhealthy');
  await health();
  expect(looks).toBe(3);
});

test('a slow check delays nobody for two seconds after a good answer, and its bad answer is the next one', async () => {
  const clock = manualClock();
  let now = 0;
  let slow = Promise.withResolvers<ServerHealth>();
  slow.resolve(good);
  const look = () => slow.promise;
  const health = createSharedHealthCheck(look, clock, () => now);
  await health();
  slow = Promise.withResolvers();
  now = 1_999;
  const soon = health();
  clock.advance(50);
  expect(await soon).toBe(good);
  now = 2_000;
  const late = health();
  clock.advance(50);
  slow.resolve(bad);
  expect(await late).toBe(bad);
  slow = Promise.withResolvers();
  const after = health();
  slow.resolve(good);
  expect(await after).toBe(good);
});

test('a shared answer counts a session from its creation, and does not wait for a store that hangs', async () => {
  const clock = manualClock();
  let total = 1;
  let store = async () => ({ total, running: 0, waiting: 0 });
  const tally = new SessionCountCache(() => store(), clock);
  const shared = { storage: { status: 'healthy' }, sessions: await tally.count() } as ServerHealth;
  total = 2;
  tally.changed();
  expect([(await tally.update(shared)).sessions.total, (await tally.update(shared)).sessions.total]).toEqual([2, 2]); // one call of the store for each change
  store = hangs;
  tally.changed();
  const late = tally.update(shared);
  clock.advance(100);
  expect(await late).toEqual(shared);
});
