import { expect, test } from 'vitest';
import type { WireClient } from '../../support/clients/e2b-wire.ts';

// Processes of a real sandbox on the wire: their life, their readers and their environment.
const start = 'process.Process/Start';
interface ProcessEvent {
  readonly event: { readonly start?: { pid: number }; readonly data?: Record<string, string>; readonly end?: object };
}

export function programRows(it: WireClient): void {
  const call = (method: string, message: object) => it.call(`process.Process/${method}`, message);
  const run = async (text: string) => (await it.stream(start, it.shell(text))).stdout.trim();
  const asleep = async (seconds: number) => Number(await run(`pgrep -fc '^sleep ${seconds}' || true`));
  const begin = async (message: object, headers?: Record<string, string>) => {
    const stream = await it.open(start, message, headers);
    return { ...stream, pid: (stream.events[0] as ProcessEvent).event.start?.pid ?? 0 };
  };
  const output = (events: readonly object[], kind: string) =>
    (events as ProcessEvent[])
      .flatMap(({ event }) => event.data?.[kind] ?? [])
      .map((piece) => Buffer.from(piece, 'base64'));

  test('the example of the contract is answered to the letter', async () => {
    const message = { process: { cmd: '/bin/bash', args: ['-l', '-c', 'echo hi'] }, stdin: false, unknown_field: 1 };
    const headers = { 'connect-timeout-ms': '60000', 'keepalive-ping-interval': '50' };
    expect(await it.stream(start, message, headers)).toEqual({
      status: 200,
      stdout: 'hi\n',
      last: {},
      events: [
        { event: { start: { pid: expect.any(Number) } } },
        { event: { data: { stdout: 'aGkK' } } },
        { event: { end: { exitCode: 0, exited: true, status: 'exit status 0' } } },
      ],
    });
  });
  test('a process starts in the home, or in the requested folder', async () => {
    await run('mkdir -p sub');
    const where = async (cwd?: string) =>
      (await it.stream(start, { process: { cmd: 'bash', args: ['-c', 'pwd'], ...(cwd && { cwd }) } })).stdout;
    expect(await Promise.all([where(), where('~'), where('sub'), where('~/sub'), where('/tmp')])).toEqual(
      ['/home/user', '/home/user', '/home/user/sub', '/home/user/sub', '/tmp'].map((path) => `${path}\n`),
    );
  });
  test('a process has the variables of the create and of the sandbox, and those of its request count most', async () => {
    const envs = { OF_CREATE: 'no', OF_REQUEST: '1' };
    const { stdout } = await it.stream(start, { process: { cmd: 'env', envs } });
    const own = [
      'OF_CREATE=no',
      'OF_REQUEST=1',
      'E2B_SANDBOX=true',
      `E2B_SANDBOX_ID=${it.sid}`,
      'E2B_TEMPLATE_ID=base',
    ];
    for (const line of [...own, 'HOME=/home/user']) expect(stdout.split('\n')).toContain(line);
    expect(stdout).toMatch(/^PATH=.*\/usr\/bin/m);
    expect(await run('echo $OF_CREATE')).toBe('yes');
  });
  test('input that was refused is at its end', async () => {
    expect(await it.stream(start, it.shell('cat'))).toMatchObject({ stdout: '', last: {} });
    const { pid, leave } = await begin(it.shell('sleep 955'));
    const sent = await call('SendInput', { process: { pid }, input: { stdin: 'eA==' } });
    expect(sent).toMatchObject({ status: 500, body: { code: 'internal' } });
    await call('SendSignal', { process: { pid }, signal: 'SIGNAL_SIGKILL' });
    leave();
  });
  test('a program that does not exist starts, says so and ends with 127', async () => {
    const { events } = await it.stream(start, { process: { cmd: 'no-such-program' } });
    expect(events.at(0)).toEqual({ event: { start: { pid: expect.any(Number) } } });
    expect(Buffer.concat(output(events, 'stderr')).toString()).toContain('no-such-program');
    expect(events.at(-1)).toMatchObject({ event: { end: { exitCode: 127, exited: true } } });
  });
  test('a signal is reported as the end, and is sent by tag too', async () => {
    const { rest } = await begin({ ...it.shell('sleep 933'), tag: 'by-tag' });
    expect((await call('SendSignal', { process: { tag: 'by-tag' }, signal: 'SIGNAL_SIGTERM' })).status).toBe(200);
    const status = 'signal: terminated';
    expect((await rest()).at(-2)).toEqual({ event: { end: { exitCode: -1, exited: false, status, error: status } } });
  });
  test('the timeout of a process ends its tree though its client has left', async () => {
    const both = it.shell('setsid sleep 941 & sleep 9410 & echo both; wait');
    const { next, leave } = await begin(both, { 'connect-timeout-ms': '2000' });
    expect(output([(await next()) ?? {}], 'stdout').join('')).toBe('both\n');
    leave();
    await expect.poll(() => asleep(941)).toBe(0);
  });
  test('pieces of output are no larger than the wire allows, and none is lost', async () => {
    const { events } = await it.stream(start, it.shell('head -c 300000 /dev/zero'));
    const plain = output(events, 'stdout').map(({ length }) => length);
    expect([plain.reduce((sum, one) => sum + one), Math.max(...plain) <= 32 * 1024]).toEqual([300_000, true]);
    const terminal = { process: { cmd: 'seq', args: ['20000'] }, pty: { size: { cols: 80, rows: 24 } } };
    const typed = output((await it.stream(start, terminal)).events, 'pty');
    expect(Buffer.concat(typed).toString()).toContain('\n20000\r\n');
    expect(Math.max(...typed.map(({ length }) => length))).toBeLessThanOrEqual(16 * 1024);
  });
  test('the timeout of a connect ends the stream alone, and the list tells what was requested', async () => {
    const requested = { cmd: 'sleep', args: ['951'], envs: { E2B_TEMPLATE_ID: 'own', A: 'b=c' }, cwd: '/tmp' };
    const { pid, leave } = await begin({ process: requested, tag: 'listed' });
    const timeout = { 'connect-timeout-ms': '300' };
    const { last } = await it.stream('process.Process/Connect', { process: { pid } }, timeout);
    expect(last).toMatchObject({ error: { code: 'deadline_exceeded' } });
    const { body } = await call('List', {});
    expect((body as { processes?: object[] }).processes).toContainEqual({
      config: { ...requested, cwd: '/tmp' },
      pid,
      tag: 'listed',
    });
    await call('SendSignal', { process: { tag: 'listed' }, signal: 'SIGNAL_SIGKILL' });
    leave();
    expect(((await call('List', {})).body as { processes?: object[] }).processes).not.toContainEqual(
      expect.objectContaining({ pid }),
    );
  });
  test('a message that is broken is invalid_argument, and a call in binary 415', async () => {
    const post = (type: string, body: string) =>
      it.agent('/filesystem.Filesystem/Stat', { method: 'POST', body, headers: { 'content-type': type } });
    const broken = await post('application/json', '{"path"');
    expect([broken.status, await broken.json()]).toMatchObject([400, { code: 'invalid_argument' }]);
    expect((await post('application/proto', 'x')).status).toBe(415);
    const cut = await it.stream(start, Buffer.from([0, 0, 0, 0, 9, 123]));
    expect([cut.status, cut.last]).toMatchObject([200, { error: { code: 'invalid_argument' } }]);
  });
  test('a call can be chunked, and can say that its body is not encoded', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'identity' };
    const body = new Blob(['{"path":', '"/tmp"}']).stream();
    const send = { method: 'POST', headers, duplex: 'half', body } as const;
    expect((await it.agent('/filesystem.Filesystem/Stat', send)).status).toBe(200);
  });
}
