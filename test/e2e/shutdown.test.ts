import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';

function draining(graceMs: number, jobMs: number) {
  const args = ['test/support/draining-program.ts', String(graceMs), String(jobMs)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const exit = once(child, 'close').then(([code]) => code as number);
  const prints = (text: string) => expect.poll(() => output, { timeout: 10_000, interval: 5 }).toContain(text);
  return { child, exit, prints, lines: () => output.trim().split('\n') };
}

describe('shutdown', () => {
  test('SIGTERM lets the job in hand finish and closes in reverse order', async () => {
    const { child, exit, lines, prints } = draining(20_000, 50);
    await prints('ready');
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(lines()).toEqual(['ready', 'draining', 'job done', 'store closed']);
  });

  test('a job that outlives the grace is cut short, and the exit code says so', async () => {
    const { child, exit, lines, prints } = draining(100, 60_000);
    await prints('ready');
    child.kill('SIGTERM');
    expect(await exit).toBe(1);
    expect(lines()).not.toContain('job done');
  });

  test('a second signal exits at once', async () => {
    const { child, exit, prints } = draining(60_000, 60_000);
    await prints('ready');
    child.kill('SIGTERM');
    await prints('draining');
    child.kill('SIGINT');
    expect(await exit).toBe(130);
  });

  test('the same signal again, after a moment, exits at once', async () => {
    const { child, exit, prints } = draining(60_000, 60_000);
    await prints('ready');
    await expect.poll(() => [child.kill('SIGTERM'), child.exitCode][1], { timeout: 10_000, interval: 100 }).toBe(143);
    expect(await exit).toBe(143);
  });

  test('one ctrl-c that arrives twice is one', async () => {
    const { child, exit, lines, prints } = draining(20_000, 50);
    await prints('ready');
    child.kill('SIGINT');
    await prints('draining');
    child.kill('SIGINT');
    expect(await exit).toBe(0);
    expect(lines()).toContain('store closed');
  });
});
