import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { read, type WireClient, wireClient } from '../../support/clients/e2b-wire.ts';
import { endRows } from './wire-end-rows.ts';
import { entryRows } from './wire-entry-rows.ts';
import { homeRows } from './wire-home-rows.ts';
import { programRows } from './wire-program-rows.ts';
import { uploadRows } from './wire-upload-rows.ts';

type Env = () => { readonly E2B_API_URL: string; readonly E2B_API_KEY: string };

// The rows of the wire that no program on the SDKs reaches: errors, bounds, and what other clients send. One sandbox for all.
export function wireRows(env: Env): void {
  describe('the wire', () => {
    const it = wireClient(env);
    let created: Response;
    beforeAll(async () => {
      created = await it.create();
    });
    afterAll(() => it.api(`/sandboxes/${it.sid}`, { method: 'DELETE' }));

    controlRows(it, () => created);
    routingRows(it);
    processRows(it);
    programRows(it);
    homeRows(it);
    fileCallRows(it);
    entryRows(it);
    fileRows(it);
    uploadRows(it);
    boundRows(it);
    endRows(it);
  });
}

function controlRows(it: WireClient, created: () => Response): void {
  const path = (rest = '') => `/sandboxes/${it.sid}${rest}`;
  const post = (to: string, body: object) => it.api(to, { method: 'POST', body: JSON.stringify(body) });

  test('a create that is repeated with its key answers the same sandbox', async () => {
    expect(created().status).toBe(201);
    const again = await it.create();
    expect(await again.json()).toMatchObject({ sandboxID: it.sid });
  });
  test.each(['', '/metrics'])('an unknown sandbox is 404, with the status in the body: %s', async (rest) => {
    const answer = await it.api(`/sandboxes/ffffffffffffffff${rest}`);
    expect([answer.status, await answer.json()]).toEqual([404, expect.objectContaining({ code: 404 })]);
  });
  test.each([['GET', '/teams']])('%s %s is 501 and names itself', async (method, route) => {
    const to = route.replace('{}', it.sid);
    const answer = await it.api(to, { method, ...(method !== 'GET' && { body: '{}' }) });
    expect(answer.status).toBe(501);
    expect(await answer.json()).toMatchObject({ code: 501, message: expect.stringContaining(`${method} ${to}`) });
  });
  test.each([
    [{ templateID: 'base', timeout: 86_401 }, 400],
    [{ templateID: 'base', volumeMounts: [{ name: 'v' }] }, 400],
    [{ templateID: 'base', network: { denyOut: ['a.example'] } }, 400],
    [{ templateID: 'base', autoPauseMemory: false }, 400],
    [{ timeout: 5 }, 400],
    [{ templateID: 'other' }, 404],
  ])('a create with %j is %i', async (body, status) => expect((await post('/v2/sandboxes', body)).status).toBe(status));
  test.each(['limit=0', 'limit=101', 'order=up', 'template=base:v1', 'nextToken=x', 'state=gone', 'startedAfter=x'])(
    'a list with %s is 400',
    async (query) => expect((await it.api(`/v2/sandboxes?${query}`)).status).toBe(400),
  );
  test('a list says how many run, and its pages continue', async () => {
    const answer = await it.api('/v2/sandboxes?limit=1&state=running%2Cpaused&template=base');
    expect(Number(answer.headers.get('x-total-running'))).toBeGreaterThan(0);
    expect(await answer.json()).toMatchObject([{ sandboxID: it.sid, state: 'running', clientID: 'corral' }]);
    expect(answer.headers.get('x-next-token')).toBeNull();
  });
  test('a connect to a running sandbox moves its end only later; a timeout moves it both ways', async () => {
    const endAt = async () => Date.parse((await read<{ endAt: string }>(it.api(path()))).endAt) - Date.now();
    expect((await post(path('/timeout'), { timeout: 1_000 })).status).toBe(204);
    expect((await post(`/v2${path('/connect')}`, { timeout: 10 })).status).toBe(200);
    expect(await endAt()).toBeGreaterThan(900_000);
    await post(path('/timeout'), { timeout: 600 });
    expect(await endAt()).toBeLessThan(601_000);
  });
  test('metrics of a time that is over are none', async () => {
    expect(await (await it.api(path('/metrics?start=1&end=2'))).json()).toEqual([]);
  });
  test('the templates are those of the settings', async () => {
    const listed = await read<{ templateID: string }[]>(it.api('/v2/templates'));
    expect(listed.map(({ templateID }) => templateID)).toEqual(['base', 'code-interpreter-v1']);
    expect(await (await it.api('/templates/aliases/base%3Av1')).json()).toEqual({ templateID: 'base', public: false });
    expect((await it.api('/templates/aliases/other')).status).toBe(404);
  });
}

function routingRows(it: WireClient): void {
  test.each([{ 'e2b-sandbox-port': '' }, { 'e2b-sandbox-id': '' }, { 'e2b-sandbox-port': '65536' }])(
    'headers that name half of a target are 400: %j',
    async (headers) => {
      const answer = await it.agent('/health', { headers });
      expect([answer.status, await answer.json()]).toEqual([400, { code: 400, message: expect.any(String) }]);
    },
  );
  test('an unknown sandbox is 502 on every port, in the words that clients compare', async () => {
    const id = 'ffffffffffffffff';
    for (const port of ['49983', '3000']) {
      const answer = await it.agent('/x', { headers: { 'e2b-sandbox-id': id, 'e2b-sandbox-port': port } });
      expect(answer.status).toBe(502);
      expect(await answer.json()).toEqual({ sandboxId: id, message: 'The sandbox was not found', code: 502 });
    }
  });
  test('a port on which nothing listens is 502, in the words that clients compare', async () => {
    const answer = await it.agent('/x', { headers: { 'e2b-sandbox-port': '3999' } });
    const message = 'The sandbox is running but port is not open';
    expect([answer.status, await answer.json()]).toEqual([502, { sandboxId: it.sid, message, port: 3_999, code: 502 }]);
  });
  test('health needs no token, also behind the prefix', async () => {
    for (const path of ['/health', '/e2b/health'])
      expect((await it.agent(path, { headers: { 'x-access-token': '' } })).status).toBe(204);
  });
  test('the agent has no other routes', async () => expect((await it.agent('/other')).status).toBe(404));
  test('the variables and the metrics of the sandbox are routes of the agent', async () => {
    expect(await (await it.agent('/envs')).json()).toMatchObject({ E2B_SANDBOX: 'true', E2B_SANDBOX_ID: it.sid });
    const names = ['ts', 'cpu_count', 'cpu_used_pct', 'mem_total', 'mem_used', 'mem_cache', 'disk_used', 'disk_total'];
    expect(Object.keys(await read<object>(it.agent('/metrics')))).toEqual(names);
  });
  test('root is the usual user', async () => {
    const headers = { authorization: `Basic ${Buffer.from('root:').toString('base64')}` };
    const { stdout } = await it.stream('process.Process/Start', it.shell('echo $HOME; id -u'), headers);
    expect(stdout).toMatch(/^\/home\/user\n[1-9]\d+\n$/);
  });
}

function processRows(it: WireClient): void {
  const start = 'process.Process/Start';
  const pidOf = async (message: object) => {
    const { events, leave } = await it.open(start, message);
    return { pid: (events[0] as { event: { start: { pid: number } } }).event.start.pid, leave };
  };
  test.each(['application/proto', 'application/connect+proto'])('%s is 415', async (type) => {
    const answer = await it.agent(`/${start}`, { method: 'POST', body: 'x', headers: { 'content-type': type } });
    expect(answer.status).toBe(415);
  });
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
  test('fields are read in both spellings, and a stream ends with its last envelope', async () => {
    const { events, last } = await it.stream(start, it.shell('exit 3'));
    const end = { exitCode: 3, exited: true, status: 'exit status 3', error: 'exit status 3' };
    expect([events.at(-1), last]).toEqual([{ event: { end } }, {}]);
  });
  test('a process whose time is over ends with deadline_exceeded, and nothing says that it exited', async () => {
    const { events, last } = await it.stream(start, it.shell('sleep 30'), { 'connect-timeout-ms': '400' });
    expect(last).toMatchObject({ error: { code: 'deadline_exceeded' } });
    expect(JSON.stringify(events)).not.toContain('"end"');
  });
  test('a silent stream has keepalives', async () => {
    const { events } = await it.stream(start, it.shell('sleep 1.5'), { 'keepalive-ping-interval': '1' });
    expect(events).toContainEqual({ event: { keepalive: {} } });
  });
  test('a process has the variables of its user, and none that would open the daemon', async () => {
    const { stdout } = await it.stream(start, { process: { cmd: 'env', envs: { OWN_VAR: 'x' } } });
    for (const line of ['HOME=/home/user', 'USER=user', 'LOGNAME=user', 'OWN_VAR=x']) expect(stdout).toContain(line);
    expect(stdout).not.toContain('TOKEN');
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
  test('a range of a file is 206, and one outside of it 416', async () => {
    const part = await it.agent('/files?path=r.txt', { headers: { range: 'bytes=2-4' } });
    expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([206, '234', 'bytes 2-4/10']);
    const tail = await it.agent('/files?path=r.txt', { headers: { range: 'bytes=-2' } });
    expect(await tail.text()).toBe('89');
    expect((await it.agent('/files?path=r.txt', { headers: { range: 'bytes=20-' } })).status).toBe(416);
  });
  test('a file is sent as gzip where that is requested, and refused where nothing is accepted', async () => {
    const answer = await it.raw('/files?path=r.txt', { 'accept-encoding': 'gzip' });
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(answer.body).toString()).toBe('0123456789');
    expect((await it.raw('/files?path=r.txt', { 'accept-encoding': 'identity;q=0' })).status).toBe(406);
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
    expect(await (await form('p/one', '/tmp/two')).json()).toMatchObject([
      { path: '/home/user/p/one' },
      { path: '/tmp/two' },
    ]);
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
  test('an upload over the limit is 413', async () => {
    expect((await put('big', new Uint8Array(9 * 2 ** 20)).catch(() => undefined))?.status ?? 413).toBe(413); // a client that still sends can see the connection break instead
    expect((await it.agent('/health')).status).toBe(204);
  });
  test('URLs that name no sandbox are limited for each address', async () => {
    const ask = () => fetch(`${it.url}/files?path=x&signature=v1_x`);
    const answers = await Promise.all(Array.from({ length: 60 }, ask));
    expect(answers.find(({ status }) => status === 429)?.headers.get('retry-after')).toBe('1');
  });
}

function boundRows(it: WireClient): void {
  const isAlive = async () =>
    expect((await it.stream('process.Process/Start', it.shell('echo ok'))).stdout).toBe('ok\n');
  test('a reader that stops holds its program back, and nothing else', async () => {
    const { leave, events } = await it.open(
      'process.Process/Start',
      it.shell('head -c 100000000 /dev/zero; echo > /tmp/through'),
    );
    expect(events).toHaveLength(1);
    await isAlive();
    expect((await it.call('filesystem.Filesystem/Stat', { path: '/tmp/through' })).status).toBe(404);
    leave();
    await expect
      .poll(async () => (await it.call('filesystem.Filesystem/Stat', { path: '/tmp/through' })).status)
      .toBe(200);
  });
  test('a port that floods a client that does not read is held back', async () => {
    const serve = [
      'import socket,sys',
      's=socket.create_server(("127.0.0.1",3777))',
      'c,_=s.accept(); c.recv(9999); n=0; c.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\n")',
      'c.settimeout(2)',
      'try:\n  while n<200_000_000: n+=c.send(bytes(65536))',
      'except TimeoutError: pass',
      'open("/tmp/sent","w").write(str(n))',
    ].join('\n');
    const { leave } = await it.open('process.Process/Start', { process: { cmd: 'python3', args: ['-c', serve] } });
    const headers = { 'e2b-sandbox-port': '3777' };
    await expect.poll(async () => (await it.agent('/', { headers })).status).toBe(200);
    await isAlive();
    await expect
      .poll(async () => Number(await (await it.agent('/files?path=/tmp/sent')).text()))
      .toBeLessThan(100_000_000);
    leave();
  });
}
