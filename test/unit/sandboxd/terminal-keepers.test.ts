import { expect, test } from 'vitest';
import { findTerminalKeepers } from '../../../sandbox-images/sandboxd/shared-state.ts';

test("a keeper is the daemon's own until its process has ended, which is later than its output", async () => {
  const keepers = findTerminalKeepers(process.pid, process.ppid);
  const { promise: closed, resolve } = Promise.withResolvers<number>();
  keepers.hold({ pid: 4_000, closed });
  expect(keepers.spared([])).toContain(4_000);
  resolve(0);
  await closed;
  expect(keepers.spared([])).not.toContain(4_000);
});

test("a keeper that could not be started is nobody's", async () => {
  const keepers = findTerminalKeepers(process.pid, process.ppid);
  const closed = Promise.reject(new Error('no script'));
  keepers.hold({ pid: 4_000, closed });
  await closed.catch(() => {});
  expect(keepers.spared([])).not.toContain(4_000);
});
