// @module-tag nightly
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { inEachWorld, type worlds } from '../../support/worlds.ts';

// The same calls on real sandboxes. A fake knows neither a real shell's output nor where its files are.

async function started(context: TestContext, world: (typeof worlds)[number]) {
  await world.ready(context);
  const server = await serverProcess({ CORRAL_DRIVER: world.driver, CORRAL_EGRESS_POLICY: 'none' });
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  const call = async (method: string, path: string, body?: object): Promise<{ status: number; body: any }> => {
    const response = await fetch(`${server.url}/api/${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
    return { status: response.status, body: await response.json() };
  };
  const made = (await call('POST', 'sessions', { task: 'T' })).body as { session_id: string; workdir: string };
  const { session_id: sid, workdir } = made;
  onTestFinished(async () => {
    await call('DELETE', `sessions/${sid}`).catch(() => {});
    await server[Symbol.asyncDispose]();
  });
  const at = (path: string) => `sessions/${sid}/${path}`;
  const shell = async (cmd: string, more: object = {}) => (await call('POST', at('shell'), { cmd, ...more })).body;
  return { server, sid, workdir, call, at, shell };
}

inEachWorld('process', 'on $driver', (world) => {
  test('the shell has a working folder, both outputs, exit codes, and a timeout that kills all its processes', async (context) => {
    const { server, workdir, shell, sid, call } = await started(context, world);
    expect(await shell('pwd')).toMatchObject({
      command: 'pwd',
      output: `${workdir}\n`,
      exit_code: 0,
      timed_out: false,
    });
    expect((await call('GET', `sessions/${sid}`)).body).toMatchObject({ container_status: 'running', last_task: 'T' });
    expect(await shell('echo out; echo err >&2; exit 7')).toMatchObject({ output: 'out\nerr\n', exit_code: 7 });
    expect(await shell('shopt -q login_shell && echo login')).toMatchObject({ output: 'login\n' });
    expect(await shell('echo begun; sleep 300 & sleep 300', { timeout: 4 })).toMatchObject({
      output: 'begun\n',
      exit_code: 124,
      timed_out: true,
    });
    expect((await shell('pgrep -c sleep || true')).output).toBe('0\n');
    expect(await shell('sleep 600 & echo done')).toMatchObject({ output: 'done\n', exit_code: 0 });
    // The answer did not wait for the child, which has its name only once it runs the program.
    await expect.poll(async () => (await shell('pgrep -c sleep || true')).output).toBe('1\n');
    await fetch(`${server.url}/api/v1/sandbox/${sid}/stop`, { method: 'POST' });
    expect((await call('GET', `sessions/${sid}`)).body).toMatchObject({ container_status: 'stopped' });
    expect(await shell('echo again')).toMatchObject({ output: 'again\n', exit_code: 0 });
  });

  test('files can be written, listed in order, read and searched, but only inside the workspace', async (context) => {
    const { workdir, call, at, shell } = await started(context, world);
    const write = (path: string, content: string) => call('POST', at('files/content'), { path, content });
    expect((await write('src/app.py', 'from flask import Flask\n  app = Flask(__name__)\n')).status).toBe(200);
    await write('b.md', 'Flask is small');
    await write('A.txt', 'x');
    await shell('mkdir -p empty node_modules/m .git; echo Flask > node_modules/m/i.py; ln -s /etc out; ln -s / root');
    const { items } = (await call('GET', at('files'))).body as {
      items: { name: string; type: string; size: number }[];
    };
    const shown = items.filter(({ name }) => !name.startsWith('.'));
    expect(shown.map(({ name, type }) => [name, type]).slice(0, 3)).toEqual([
      ['empty', 'directory'],
      ['node_modules', 'directory'],
      ['src', 'directory'],
    ]);
    expect(items.some(({ name }) => name === '.git')).toBe(true);
    expect(items.find(({ name }) => name === 'b.md')).toMatchObject({ type: 'file', size: 14 });
    expect((await call('GET', at('files?path=empty'))).body).toEqual({ path: 'empty', items: [] });
    expect((await call('GET', at(`files/content?path=${workdir}/b.md`))).body.content).toBe('Flask is small');

    const search = (kind: string, body: object) => call('POST', at(`search/${kind}`), body).then((one) => one.body);
    expect(await search('files', { pattern: '*.py' })).toEqual({ pattern: '*.py', path: '.', matches: ['src/app.py'] });
    expect((await search('files', { pattern: 'src/*.py' })).matches).toEqual(['src/app.py']);
    expect((await search('files', { pattern: '*', path: 'src' })).matches).toEqual(['src/app.py']);
    expect((await search('grep', { pattern: 'Flask(\\(| is)' })).matches).toEqual([
      { file: 'b.md', line: 1, content: 'Flask is small' },
      { file: 'src/app.py', line: 2, content: 'app = Flask(__name__)' },
    ]);
    expect((await search('grep', { pattern: 'Flask', file_types: '*.md' })).matches).toHaveLength(1);

    for (const [path, method, body, status, detail] of [
      ['files/content?path=../x', 'GET', undefined, 400, 'Path is outside the workspace'],
      ['files/content?path=/etc/passwd', 'GET', undefined, 400, 'Path is outside the workspace'],
      ['files/content?path=out/passwd', 'GET', undefined, 400, 'Path is outside the workspace'],
      ['files?path=root', 'GET', undefined, 400, 'Path is outside the workspace'],
      ['files/content', 'POST', { path: 'out/x', content: '' }, 400, 'Path is outside the workspace'],
      ['files/content?path=nothing', 'GET', undefined, 404, 'File not found'],
      ['files/content?path=src', 'GET', undefined, 400, 'Path is not a file'],
      ['files?path=nothing', 'GET', undefined, 404, 'Directory not found'],
      ['files?path=b.md', 'GET', undefined, 400, 'Path is not a directory'],
      ['search/files', 'POST', { pattern: '*', path: 'nothing' }, 404, 'Directory not found'],
    ] as const) {
      expect(await call(method, at(path), body), path).toEqual({ status, body: { detail } });
    }
    expect((await call('POST', at('search/grep'), { pattern: '(' })).status).toBe(400);
  });

  test('processes can be started in the background, listed, tailed and stopped with their children', async (context) => {
    const { call, at, shell } = await started(context, world);
    const cmd = 'for n in 1 2 3; do echo line $n; done; sleep 300 & (sleep 301; true) & wait';
    const { pid, log } = await shell(cmd, { background: true });
    expect(log).toMatch(/^\.agent_logs\/[0-9a-f]{8}\.log$/);
    const logs = async (lines: number) => (await call('GET', at(`processes/${pid}/logs?lines=${lines}`))).body;
    await expect.poll(async () => (await logs(2)).logs).toBe('line 2\nline 3\n');
    const find = async () => {
      const { body } = await call('GET', at('processes'));
      return (body as { pid: number }[]).find((process) => process.pid === pid);
    };
    expect(await find()).toMatchObject({ pid, status: 'running', log, started: expect.stringMatching(/Z$/) });
    expect((await call('POST', at(`processes/${pid}/stop`))).body).toEqual({
      message: `Sent SIGTERM to process ${pid}`,
    });
    await expect.poll(find).toMatchObject({ status: expect.stringMatching(/exited|stopped/) });
    await expect.poll(async () => (await shell('pgrep -c sleep || true')).output).toBe('0\n');
    expect(await call('POST', at('processes/999999/stop'))).toEqual({
      status: 404,
      body: { detail: 'Process not found' },
    });
  });

  test('a terminal has a prompt in the workspace, accepts input and a size, and ends', async (context) => {
    const { server, workdir, call, at } = await started(context, world);
    const { shell_id } = (await call('POST', at('shells'))).body;
    expect(shell_id).toMatch(/^shell_[0-9a-f]{8}$/);
    using client = await openWebSocket(`${server.url.replace('http', 'ws')}/ws/shells/${shell_id}`);
    const type = (data: string) => client.ws.send(JSON.stringify({ type: 'shell_input', data }));
    const shown = () => client.frames.flatMap(({ data }) => data ?? []).join('');
    const shows = (wanted: RegExp) => expect.poll(shown).toMatch(wanted);
    type('pwd; stty size\n');
    await shows(new RegExp(`${workdir}\\r?\\n24 80`));
    client.ws.send('{"type":"shell_resize","cols":132,"rows":50}');
    type('stty size\n');
    await shows(/50 132/);
    expect((await call('GET', at('shells'))).body.shells).toHaveLength(1);
    type('exit\n');
    expect(await client.closed).toMatchObject({ code: 1000 });
    await expect.poll(async () => (await call('GET', at('shells'))).body).toEqual({ shells: [] });
    expect((await call('DELETE', `shells/${shell_id}`)).status).toBe(404);
  });
});
