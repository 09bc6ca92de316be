import { expect, test } from 'vitest';
import type { SandboxId, SessionId } from '../../../../src/core/model/ids.ts';
import { createDiskGuard, type SandboxDiskUsage } from '../../../../src/sessions/engine/sandbox/disk-floor.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const gibibyte = 2 ** 30;
const quiet = { info() {}, warn() {}, error() {} };

function floorOf(free: () => number, floorBytes = 2 * gibibyte) {
  const ended: string[] = [];
  const clock = manualClock();
  const driver = { destroy: async (id: SandboxId, workspace: string) => void ended.push(`${id} ${workspace}`) };
  const floor = createDiskGuard({ driver, clock, logger: quiet, floorBytes, freeBytes: async () => free() });
  const use = (name: string, usedBytes: number, freeBytes = 100 * gibibyte): SandboxDiskUsage => ({
    sessionId: name as SessionId,
    sandboxId: name as SandboxId,
    disk: { usedBytes, limitBytes: 10 * gibibyte, freeBytes, stopped: 0 },
  });
  return { floor, ended, clock, use };
}

test('below the floor nothing starts, and above it everything does', async () => {
  let free = 3 * gibibyte;
  const { floor } = floorOf(() => free);
  await floor.admit();
  free = gibibyte;
  const expected = { code: 'disk_full', publicMessage: expect.stringContaining('CORRAL_SANDBOX_MIN_FREE_DISK') };
  await expect(floor.admit()).rejects.toMatchObject(expected);
});

test('the sandbox that uses most is stopped with its files kept, and the next one only when that did not help', async () => {
  const { floor, ended, clock, use } = floorOf(() => gibibyte);
  clock.advance(1_000);
  await floor.saw(use('small', 10));
  clock.advance(10_000);
  ended.length = 0;
  await floor.saw(use('large', 3 * gibibyte));
  expect(ended).toEqual(['large keep']);
  await floor.saw(use('middle', gibibyte));
  expect(ended).toEqual(['large keep']);
  clock.advance(6_000);
  await floor.saw(use('middle', gibibyte));
  expect(ended).toEqual(['large keep', 'middle keep']);
});

test('a full disk that only sandboxes can see counts too', async () => {
  const { floor, ended, use } = floorOf(() => 100 * gibibyte);
  await floor.saw(use('one', 5, gibibyte));
  expect(ended).toEqual(['one keep']);
  // that sandbox no longer exists, and no other reports a full disk
  await expect(floor.admit()).resolves.toBeUndefined();
});

test('a server without a floor refuses no sandbox and stops none', async () => {
  const { floor, ended, use } = floorOf(() => 0, 0);
  await floor.admit();
  await floor.saw(use('one', 5, 0));
  expect(ended).toEqual([]);
});
