import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../support/clients/api.ts';
import { read, type WireClient, wireClient } from '../../support/clients/e2b-wire.ts';
import { entryRows } from './wire-entry-rows.ts';
import { homeRows } from './wire-home-rows.ts';
import { programRows } from './wire-program-rows.ts';
import { uploadRows } from './wire-upload-rows.ts';

type Env = () => { readonly E2B_API_URL: string; readonly E2B_API_KEY: string };

// Wire rows that no SDK program reaches: errors, limits, and requests of other clients. One sandbox for all.
export function wireRows(env: Env): void {
  describe('the wire', () => {
    const it = wireClient(env);
    beforeAll(async () => void (await it.create()));
    afterAll(() => it.api(`/sandboxes/${it.sid}`, { method: 'DELETE' }));

    routingRows(it);
    processRows(it);
    programRows(it);
    homeRows(it);
    fileCallRows(it);
    entryRows(it);
    fileRows(it);
    uploadRows(it);
    test('a sandbox that is killed from outside breaks its streams', async () => {
      const { rest } = await it.open('process.Process/Start', it.shell('sleep 60'));
      const broken = expect(rest()).rejects.toThrow('terminated');
      const { stdout } = await run('docker', ['ps', '--quiet', '--filter', `name=${it.sid}`]);
      await run('docker', ['kill', stdout.trim()]); // so this test is the last one
      await broken;
    });
  });
}

function routingRows(it: WireClient): void {
  test('a port on which nothing listens is 502, in the words that clients compare', async () => {
    const answer = await it.agent('/x', { headers: { 'e2b-sandbox-port': '3999' } });
    const message = 'The sandbox is running but port is not open';
    expect([answer.status, await answer.json()]).toEqual([502, { sandboxId: it.sid, message, port: 3_999, code: 502 }]);
  });
  test('the agent has no other routes', async () => expect((await it.agent('/other')).status).toBe(404));
  test('the variables and the metrics of the sandbox are routes of the agent', async () => {
    expect(await (await it.agent('/envs')).json()).toMatchObject({ E2B_SANDBOX: 'true', E2B_SANDBOX_ID: it.sid });
    const names = ['ts', 'cpu_count', 'cpu_used_pct', 'mem_total', 'mem_used', 'mem_cache', 'disk_used', 'disk_total'];
    expect(Object.keys(await read<object>(it.agent('/metrics')))).toEqual(names);
  });
}

function processRows(it: WireClient): void {
  const start = 'process.Process/Start';
  const pidOf = async (message: object) => {
    const { events, leave } = await it.open(start, message);
    return { pid: (events[0] as { event: { start: { pid: number } } }).event.start.pid, leave };
  };
  test.each([
    [{ process: { cmd: '' } }, {}, 'invalid_argument'],
    [{ process: { cmd: '/bin/true', cwd: '/none' } }, {}, 'invalid_argument'],
    [{ process: { cmd: '/bin/true' } }, { 'connect-timeout-ms': 'soon' }, 'invalid_argument'],
  ])('a start with %j and %j ends with %3$s', async (message, headers, code) => {
    expect(await it.stream(start, message, headers)).toMatchObject({ status: 200, last: { error: { code } } });
  });
  test('StreamInput is unimplemented', async () => {
    const error = { code: 'unimplemented' };
    expect((await it.stream('process.Process/StreamInput', {})).last).toMatchObject({ error });
  });
  test('a process whose time is over ends with deadline_exceeded, and nothing says that it exited', async () => {
    const { events, last } = await it.stream(start, it.shell('sleep 30'), { 'connect-timeout-ms': '400' });
    expect(last).toMatchObject({ error: { code: 'deadline_exceeded' } });
    expect(JSON.stringify(events)).not.toContain('"end"');
  });
  test('input, size and signals of the wrong kind have codes of their own', async () => {
    const { pid, leave } = await pidOf({ ...it.shell('cat'), stdin: true });
    const process = { pid };
    const code = async (method: string, message: object) =>
      (await it.call(`process.Process/${method}`, message)).body.code;
    expect(await code('SendInput', { process, input: { pty: 'eA==' } })).toBe('internal');
    expect(await code('Update', { process, pty: { size: { cols: 9, rows: 9 } } })).toBe('internal');
    expect(await code('SendSignal', { process, signal: 'SIGNAL_SIGHUP' })).toBe('unimplemented');
    expect(await code('CloseStdin', { process })).toBeUndefined();
    expect(await code('SendSignal', { process: { tag: 'none' }, signal: 'SIGNAL_SIGKILL' })).toBe('not_found');
    await code('SendSignal', { process, signal: 9 });
    expect(await code('SendSignal', { process, signal: 9 })).toBe('not_found');
    leave();
  });
  test('the input of a terminal cannot be closed', async () => {
    const { pid, leave } = await pidOf({ process: { cmd: 'cat' }, pty: { size: { cols: 80, rows: 24 } } });
    expect((await it.call('process.Process/CloseStdin', { process: { pid } })).body.code).toBe('unknown');
    await it.call('process.Process/SendSignal', { process: { pid }, signal: 'SIGNAL_SIGKILL' });
    leave();
  });
}

function fileCallRows(it: WireClient): void {
  const files = (method: string, message: object) => it.call(`filesystem.Filesystem/${method}`, message);
  test.each([
    ['Stat', { path: 'none' }, 404, 'not_found'],
    ['Stat', { path: '~other/x' }, 400, 'invalid_argument'],
    ['ListDir', { path: 'none' }, 404, 'not_found'],
    ['ListDir', { path: '/etc/hostname' }, 400, 'invalid_argument'],
    ['ListDir', { path: '/tmp/loop' }, 400, 'failed_precondition'],
    ['MakeDir', { path: '/etc/hostname' }, 400, 'invalid_argument'],
    ['MakeDir', { path: '/tmp' }, 409, 'already_exists'],
    ['Move', { source: 'none', destination: 'x' }, 404, 'not_found'],
    ['CreateWatcher', { path: 'none' }, 404, 'not_found'],
    ['CreateWatcher', { path: '/etc/hostname' }, 400, 'invalid_argument'],
    ['GetWatcherEvents', { watcherId: 'none' }, 404, 'not_found'],
    ['RemoveWatcher', { watcherId: 'none' }, 404, 'not_found'],
    ['Other', {}, 501, 'unimplemented'],
  ])('%s of %j is %i %s', async (method, message, status, code) => {
    await it.stream('process.Process/Start', it.shell('ln -sfn /tmp/loop /tmp/loop'));
    expect(await files(method, message)).toMatchObject({ status, body: { code } });
  });
  test('to remove what is absent is success', async () => {
    expect(await files('Remove', { path: 'none' })).toEqual({ status: 200, body: {} });
  });
  test('a move makes the folders above its target, and a link tells its target', async () => {
    await it.stream('process.Process/Start', it.shell('echo x > from; ln -sfn moved/to link; ln -sfn none broken'));
    const { body } = await files('Move', { source: 'from', destination: 'moved/to' });
    expect(body).toMatchObject({ entry: { path: '/home/user/moved/to', size: '2', owner: 'user' } });
    const { body: link } = await files('Stat', { path: 'link' });
    expect(link).toMatchObject({ entry: { type: 'FILE_TYPE_FILE', permissions: expect.stringMatching(/^L/) } });
    expect((await files('Stat', { path: 'broken' })).body).toMatchObject({ entry: { type: 'FILE_TYPE_UNSPECIFIED' } });
  });
}

function fileRows(it: WireClient): void {
  const plain = { 'content-type': 'application/octet-stream' };
  const put = (path: string, body: NonNullable<RequestInit['body']>, headers: Record<string, string> = plain) =>
    it.agent(`/files?path=${path}`, { method: 'POST', body, headers });
  beforeAll(async () => {
    await put('r.txt', '0123456789');
  });
  test.each([
    ['/files?path=none', 404],
    ['/files?path=/tmp', 400],
    ['/files?path=~other/x', 400],
  ])('GET %s is %i', async (path, status) => {
    const answer = await it.agent(path);
    expect([answer.status, (await read<{ code: number }>(answer)).code]).toEqual([status, status]);
  });
  test('a body that is gzip is stored as it was before', async () => {
    const stored = await put('g.txt', gzipSync('plain text'), { ...plain, 'content-encoding': 'gzip' });
    expect(await stored.json()).toEqual([{ path: '/home/user/g.txt', name: 'g.txt', type: 'file' }]);
    expect(await (await it.agent('/files?path=g.txt')).text()).toBe('plain text');
  });
  test('a body of another type, one without a path, and a folder as target are 400', async () => {
    expect((await put('x', 'x', { 'content-type': 'text/plain' })).status).toBe(400);
    expect((await it.agent('/files', { method: 'POST', body: 'x', headers: plain })).status).toBe(400);
    const folder = await put('/tmp', 'x');
    expect([folder.status, await folder.json()]).toEqual([400, { code: 400, message: '/tmp is a folder.' }]);
  });
  test('parts are stored under their full names, and a name that comes twice is 400', async () => {
    const form = (...names: string[]) => {
      const body = new FormData();
      for (const name of names) body.append('file', new Blob(['1']), name);
      body.append('other', 'ignored');
      return it.agent('/files', { method: 'POST', body });
    };
    const expected = [{ path: '/home/user/p/one' }, { path: '/tmp/two' }];
    expect(await (await form('p/one', '/tmp/two')).json()).toMatchObject(expected);
    expect((await form('same', 'same')).status).toBe(400);
  });
  test('a download tells its length and its name and type, and a part of a file is never gzip', async () => {
    const { headers } = await it.raw('/files?path=r.txt', {});
    expect(headers).toMatchObject({ 'content-length': '10', 'content-type': 'text/plain' });
    expect(headers['content-disposition']).toMatch(/^attachment; filename="r.txt"/);
    const part = await it.raw('/files?path=r.txt', { range: 'bytes=0-1', 'accept-encoding': 'gzip' });
    expect([part.status, part.headers['content-encoding'], part.body.toString()]).toEqual([206, undefined, '01']);
  });
  test('a chunked body is stored, in place of what was there', async () => {
    const content = () => new Blob(['in ', 'pieces']).stream();
    const send = { method: 'POST', headers: plain, duplex: 'half' } as const;
    for (let times = 0; times < 2; times++)
      expect((await it.agent('/files?path=chunked/c', { ...send, body: content() })).status).toBe(200);
    expect(await (await it.agent('/files?path=chunked/c')).text()).toBe('in pieces');
  });
}
