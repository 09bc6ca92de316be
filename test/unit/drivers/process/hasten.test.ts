import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Share } from '../../../../drivers/process/cgroup/limits.ts';
import { hastener } from '../../../../drivers/process/hasten.ts';
import { SandboxId } from '../../../../src/core/ids.ts';

const id = SandboxId.parse('sbx-0123456789abcdef');
const other = SandboxId.parse('sbx-fedcba9876543210');

function recorded() {
  const told: string[] = [];
  const share = async (sandbox: SandboxId, to: Share) => void told.push(`${sandbox === id ? 'one' : 'other'} ${to}`);
  const shareOfAll = async (to: Share) => void told.push(`all ${to}`);
  const hastened = hastener({ share, shareOfAll });
  return { told, ...hastened, passed: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a sandbox comes first during a call and a moment longer, and all get a larger share meanwhile', async () => {
  const { told, hasten, passed } = recorded();
  const call = hasten(id);
  await passed(5_000);
  expect(told).toEqual(['one first', 'all first']);
  call[Symbol.dispose]();
  await passed(90);
  expect(told).toHaveLength(2);
  await passed(20);
  expect(told.slice(2).sort()).toEqual(['all usual', 'one usual']);
});

test('calls that overlap or follow at once are one', async () => {
  const { told, hasten, passed } = recorded();
  const [first, second] = [hasten(id), hasten(id)];
  first[Symbol.dispose]();
  await passed(500);
  second[Symbol.dispose]();
  await passed(50);
  const third = hasten(id);
  await passed(500);
  expect(told).toEqual(['one first', 'all first']);
  third[Symbol.dispose]();
  await passed(200);
  hasten(id);
  await passed(0);
  expect(told.slice(2)).toEqual(['all usual', 'one usual', 'one first', 'all first']);
});

test('sandboxes come first independently of each other', async () => {
  const { told, hasten, passed } = recorded();
  const one = hasten(id);
  hasten(other);
  one[Symbol.dispose]();
  await passed(200);
  expect(told).toEqual(['one first', 'all first', 'other first', 'one usual']);
});

test('a share that takes long to write does not overtake the next one', async () => {
  const told: string[] = [];
  const slow = Promise.withResolvers<void>();
  const share = async (_: SandboxId, to: Share) => {
    if (to === 'first') await slow.promise;
    told.push(to);
  };
  const { hasten } = hastener({ share, shareOfAll: async () => {} });
  hasten(id)[Symbol.dispose]();
  await vi.advanceTimersByTimeAsync(500);
  slow.resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(['first', 'usual']);
});

test('a new server gives a sandbox its usual share, unless it comes first just now', async () => {
  const { told, hasten, settle, passed } = recorded();
  await settle(id);
  hasten(id);
  await settle(id);
  await passed(0);
  expect(told).toEqual(['one usual', 'one first', 'all first']);
});
