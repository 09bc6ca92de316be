import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CpuShareLevel } from '../../../../drivers/process/cgroup/limits.ts';
import { createCpuBooster } from '../../../../drivers/process/process.ts';
import { SandboxId } from '../../../../src/core/model/ids.ts';

const id = SandboxId.parse('sbx-0123456789abcdef');
const other = SandboxId.parse('sbx-fedcba9876543210');

function recorded() {
  const reports: string[] = [];
  const share = async (sandbox: SandboxId, to: CpuShareLevel) =>
    void reports.push(`${sandbox === id ? 'one' : 'other'} ${to}`);
  return { reports, ...createCpuBooster({ share }) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a sandbox comes first for a second, and each further call begins the second again', () => {
  const { reports, hasten } = recorded();
  hasten(id);
  expect(reports).toEqual(['one first']);
  vi.advanceTimersByTime(900);
  hasten(id);
  vi.advanceTimersByTime(900);
  expect(reports).toEqual(['one first']);
  vi.advanceTimersByTime(200);
  expect(reports).toEqual(['one first', 'one usual']);
});

test('sandboxes come first independently of each other', () => {
  const { reports, hasten } = recorded();
  hasten(id);
  vi.advanceTimersByTime(500);
  hasten(other);
  vi.advanceTimersByTime(600);
  expect(reports).toEqual(['one first', 'other first', 'one usual']);
});

test('a new server gives a sandbox its usual share, unless it comes first just now', async () => {
  const { reports, hasten, settle } = recorded();
  await settle(id);
  hasten(id);
  await settle(id);
  expect(reports).toEqual(['one usual', 'one first']);
});
