import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { serverProgram } from '../support/servers/built-server.ts';
import { serverProcess } from '../support/servers/server-process.ts';

function draining(graceMs: number, jobMs: number) {
  const args = ['test/support/servers/draining-program.ts', String(graceMs), String(jobMs)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  const exit = once(child, 'close').then(([code]) => code as number);
  const prints = (text: string) => expect.poll(() => output, { interval: 5 }).toContain(text);
  return { child, exit, prints, lines: () => output.trim().split('\n') };
}

describe('shutdown', () => {
  test('SIGTERM lets the current job finish and closes in reverse order', async () => {
    const { child, exit, lines, prints } = draining(20_000, 50);
    await prints('ready');
    child.kill('SIGTERM');
    expect([await exit, lines()]).toEqual([0, ['ready', 'draining', 'job done', 'store closed']]);
  });

  test('a second signal exits at once', async () => {
    const { child, exit, prints } = draining(60_000, 60_000);
    await prints('ready');
    child.kill('SIGTERM');
    await prints('draining');
    child.kill('SIGINT');
    expect(await exit).toBe(130);
  });

  test('the same signal again after a moment exits at once', async () => {
    const { child, exit, prints } = draining(60_000, 60_000);
    await prints('ready');
    await expect.poll(() => [child.kill('SIGTERM'), child.exitCode][1], { interval: 100 }).toBe(143);
    expect(await exit).toBe(143);
  });

  test('a ctrl-c that arrives twice counts once', async () => {
    const { child, exit, lines, prints } = draining(20_000, 50);
    await prints('ready');
    child.kill('SIGINT');
    await prints('draining');
    child.kill('SIGINT');
    expect(await exit).toBe(0);
    expect(lines()).toContain('store closed');
  });
});

describe('the server', () => {
  test('F007 on SIGTERM with 50 streaming clients ends every stream and exits with 0', async () => {
    await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
    const api = `${server.url}/api/v1/sessions`;
    const made = (await (await fetch(api, { method: 'PUT' })).json()) as { data: { session_id: string } };
    const open = () => fetch(`${api}/${made.data.session_id}/events`);
    const streams = await Promise.all(Array.from({ length: 50 }, open));
    expect(streams.map(({ status }) => status)).toEqual(Array(50).fill(200));
    server.kill('SIGTERM');
    const texts = await Promise.all(streams.map((stream) => stream.text()));
    for (const stream of texts) expect(stream).toMatch(/^: connected\n\n/);
    expect(await server.exit).toBe(0);
  });

  test('F007 idle connections do not delay the exit', async () => {
    await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
    const silent = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {});
    await once(silent, 'connect');
    await fetch(`${server.url}/health`); // after this answer the server has both
    server.kill('SIGTERM');
    expect(await server.exit).toBe(0);
    expect(silent.readyState).not.toBe('opening');
    silent.destroy();
  });

  test('with an invalid setting names it, prints no stack, and does not start', async () => {
    const env = { PATH: process.env.PATH, CORRAL_DRIVER: 'podman', HOST: '0.0.0.0' };
    const child = spawn(process.execPath, [serverProgram()], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const [[code], reply] = await Promise.all([once(child, 'close'), text(child.stderr)]);
    expect(code).not.toBe(0);
    expect(reply).toContain('CORRAL_DRIVER (driver in corral.yaml) accepts');
    expect(reply).not.toMatch(/^ +at /m);
  });

  test('on a reachable address without a token refuses to start, in one line', async () => {
    const env = { PATH: process.env.PATH, HOST: '0.0.0.0' };
    const child = spawn(process.execPath, [serverProgram()], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const [[code], reply] = await Promise.all([once(child, 'close'), text(child.stderr)]);
    expect(code).not.toBe(0);
    expect(reply.trim().split('\n')).toEqual([expect.stringContaining('CORRAL_TOKEN is not set')]);
  });
});
