import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const script = resolve(import.meta.dirname, '../../../scripts/charts.ts');
let folder = '';
const charts = (...args: string[]) => {
  const { status, stderr } = spawnSync(process.execPath, [script, folder, ...args], { encoding: 'utf8' });
  return { status, stderr };
};
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'corral-charts-'));
  charts();
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('charts', () => {
  test('every machine is drawn, with its states and what leads from one to the other', () => {
    expect(readdirSync(folder)).toEqual(['run.md', 'sandbox.md', 'session.md', 'supervisor.md']);
    expect(read('run.md')).toContain('run_any --> run_ending : run.stop\n');
    expect(read('sandbox.md')).toContain('sandbox_backingOff --> sandbox_provisioning : after retry\n');
    expect(read('session.md')).toContain(
      'session_live_run_active_waiting --> session_live_run_active_requeued : cmd.send [hasNoGoal]<br/>run.asked [hasUnread]\n',
    );
    expect(read('supervisor.md')).toContain('`slot.request`');
  });

  test('regions that run side by side are charts of their own', () => {
    const headings = read('session.md').match(/^## .*/gm);
    expect(headings).toEqual(['## live.run', '## live.sandbox']);
  });

  test('a chart that differs from the code fails the check, which names it and the command to run', () => {
    expect(charts('--check')).toEqual({ status: 0, stderr: '' });
    appendFileSync(join(folder, 'run.md'), 'by hand');
    const { status, stderr } = charts('--check');
    expect(status).toBe(1);
    expect(stderr).toMatch(/^\S*run\.md is not what the code says. Run `npm run charts` and commit it.\n$/);
  });
});
