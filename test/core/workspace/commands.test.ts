import { expect, test } from 'vitest';
import { createRunFileCommand, toCodeResult } from '../../../src/sessions/workspaces/workspaces.ts';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { workspaceServer } from '../../support/workspace.ts';

const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

test("the greeting repeats the client's user_id, or null without one", async (context) => {
  const server = await workspaceServer(context);
  const { greeting } = await server.client('ann@example.org');
  expect(greeting).toEqual({ type: 'connected', message: 'Connected', user_id: 'ann@example.org', timestamp: iso });
  expect((await server.client()).greeting).toMatchObject({ type: 'connected', user_id: null });
  const slash = await openWebSocket(`${server.url.replace('http', 'ws')}/ws/?user_id=bob`);
  await expect.poll(() => slash.frames[0]).toMatchObject({ type: 'connected', user_id: 'bob' });
  slash.ws.terminate();
  const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as Record<string, never>;
  const parameters = [{ name: 'user_id', in: 'query', required: false, schema: { type: 'string' } }];
  expect(paths).toMatchObject({ '/ws': { get: { parameters, responses: { 101: {}, 401: {}, 426: {} } } } });
});

test.each(['', 'a b', 'x'.repeat(129), 'ümlaut', 'a/b', '..%00'])(
  'the user_id %j closes it with 1008',
  async (name) => {
    await using server = await composedServer();
    const socket = await openWebSocket(`${server.url.replace('http', 'ws')}/ws?user_id=${encodeURIComponent(name)}`);
    expect((await socket.closed).code).toBe(1008);
    expect(socket.frames).toEqual([
      {
        type: 'error',
        message: expect.stringContaining('user_id'),
        error: 'invalid_request',
        sessionId: null,
        timestamp: iso,
      },
    ]);
  },
);

test('code is saved to its file, runs from there, and is answered with its streams', async (context) => {
  await needs(context, 'python');
  const server = await workspaceServer(context);
  const client = await server.client('ann');
  const run = (code: string, filename?: string) => client.ask({ type: 'execute_code', sessionId: 'w', code, filename });
  expect(await run("import sys\nprint('Hello World')\nprint('aside', file=sys.stderr)")).toEqual({
    type: 'execution_result',
    success: true,
    output: 'Hello World\n',
    error: null,
    stderr: 'aside\n',
    exit_code: 0,
    filename: 'main.py',
    timestamp: iso,
    sessionId: 'w',
  });
  expect(await run('console.log(6*7)', 'deep/in/script.js')).toMatchObject({ success: true, output: '42\n' });
  const expected = { output: '/workspace/y.py\n', filename: 'none/.././y.py' };
  expect(await run('print(__file__)', 'none/.././y.py')).toMatchObject(expected);
  expect(await run('import os; console.log(os)', 'x.mjs')).toMatchObject({ success: false, filename: 'x.mjs' });
  expect(await run('echo "$0 $BASH_VERSION" | cut -c1-6', 'run.sh')).toMatchObject({ output: 'run.sh\n' });
  expect(await run('print(open("-odd name\'s.py").read())', "-odd name's.py")).toMatchObject({
    output: 'print(open("-odd name\'s.py").read())\n',
  });
  expect(await client.run('tail -1 main.py; echo; ls deep/in')).toMatchObject({
    output: "print('aside', file=sys.stderr)\nscript.js\n",
  });
});

test('failing code gives a one-line error and its full stderr', async (context) => {
  await needs(context, 'python');
  const server = await workspaceServer(context);
  const client = await server.client();
  const run = (code: string) => client.ask({ type: 'execute_code', sessionId: 'w', code });
  const broken = await run('print(1');
  const expected = { success: false, output: '', exit_code: 1, error: "SyntaxError: '(' was never closed" };
  expect(broken).toMatchObject(expected);
  expect(broken.stderr).toContain('File "/workspace/main.py", line 1');
  expect(await run("print('so far')\nraise ValueError('no')")).toMatchObject({
    success: false,
    output: 'so far\n',
    error: 'ValueError: no',
  });
  expect(await run('raise SystemExit(7)')).toMatchObject({ success: false, exit_code: 7, error: 'Exited with code 7' });
});

test('a command returns both streams, its exit code and its folder, where the next command starts', async (context) => {
  const server = await workspaceServer(context);
  const [client, other] = [await server.client('ann'), await server.client('ann')];
  const { run } = client;
  expect(await run('echo out; echo err >&2; exit 3')).toEqual({
    type: 'terminal_output',
    output: 'out\nerr\n',
    exit_code: 3,
    cwd: '/workspace',
    timestamp: iso,
    sessionId: 'w',
  });
  expect(await run("mkdir -p 'a b/c' && cd 'a b/c'")).toMatchObject({ output: '', cwd: '/workspace/a b/c' });
  expect(await other.run('pwd')).toMatchObject({ output: '/workspace/a b/c\n' });
  expect(await run('cd /tmp; pwd')).toMatchObject({ output: '/tmp\n', cwd: '/tmp' });
  const expected = { output: '/\nbash: line 1: nosuchcommand: command not found\n', exit_code: 127, cwd: '/tmp' };
  expect(await run('(cd /; pwd); nosuchcommand')).toMatchObject(expected);
  expect(
    await run('cd /workspace/gone-soon 2>/dev/null || mkdir /workspace/gone-soon && cd /workspace/gone-soon'),
  ).toMatchObject({ cwd: '/workspace/gone-soon' });
  expect(await run('rm -r /workspace/gone-soon')).toMatchObject({ exit_code: 0 });
  expect(await run('pwd')).toMatchObject({ output: '/workspace\n' });
  expect(await run("cat <<'E'\nit's $HOME\nE\nfor x in 1 2\ndo echo $x; done")).toMatchObject({
    output: "it's $HOME\n1\n2\n",
  });
  expect(await run('exec true')).toMatchObject({ exit_code: 0, cwd: '/workspace' });
  expect(await run('shopt -q login_shell && echo login')).toMatchObject({ output: 'login\n' });
  expect(await run(`x='${'a'.repeat(150_000)}'; echo \${#x}`)).toMatchObject({ output: '150000\n' });
});

test('a command with a background process returns at once, and the process keeps running', async (context) => {
  const server = await workspaceServer(context);
  const { run } = await server.client();
  expect(await run('sleep 300 & echo started')).toMatchObject({ output: 'started\n' });
  expect(await run('pgrep -c sleep || cat /proc/[0-9]*/comm | grep -c sleep')).toMatchObject({ output: '1\n' });
});

test('a file is saved under its name, but only inside the workspace', async (context) => {
  const server = await workspaceServer(context);
  const client = await server.client('ann');
  const save = (filename: string, content = 'x') =>
    client.ask({ type: 'save_file', sessionId: 'w', filename, content });
  expect(await save('deep/er/ünï.txt', 'häl\0lo\n')).toEqual({
    type: 'save_result',
    success: true,
    message: 'File saved successfully',
    filename: 'deep/er/ünï.txt',
    timestamp: iso,
    sessionId: 'w',
  });
  expect(await save('/workspace/abs.txt', 'abs')).toMatchObject({ success: true });
  await client.run('ln -s /etc out; ln -s /etc/passwd passwd');
  for (const filename of ['', ' ', '.', '..', '../x', 'a/../../x', '/etc/x', 'a\0b', 'folder/', 'out/x', 'passwd']) {
    expect(await save(filename), filename).toMatchObject({ success: false, message: 'Invalid filename', filename });
    const run = await client.ask({ type: 'execute_code', sessionId: 'w', code: 'print(1)', filename });
    expect(run, filename).toMatchObject({ success: false, output: '', error: 'Invalid filename' });
  }
  const bytes = "od -An -c 'deep/er/ünï.txt' | tr -s ' '; cat abs.txt; ls -a /workspace | sort | tr '\\n' ' '";
  expect((await client.run(bytes)).output).toBe(' h 303 244 l \\0 l o \\n\nabs. .. .corral abs.txt deep out passwd ');
  expect(await save('deep', 'a folder')).toMatchObject({ success: false, message: expect.stringMatching(/\w/) });
});

test('an invalid command is refused with an error code, and the connection stays open', async (context) => {
  const server = await workspaceServer(context);
  const client = await server.client();
  const saying = (word: string) => ({ message: expect.stringContaining(word) });
  const sent: [frame: object | string, error: string, more?: object][] = [
    ['{', 'invalid_json', { sessionId: null }],
    ['[1]', 'invalid_json', { sessionId: null }],
    [{ type: 'dance', sessionId: 'w' }, 'unknown_type', { message: 'Unknown message type: dance', sessionId: 'w' }],
    [{ sessionId: 7 }, 'unknown_type', { sessionId: null }],
    [{ type: 'save_file', sessionId: 'w', content: 'x' }, 'invalid_request', saying('filename')],
    [{ type: 'execute_code', sessionId: 'w' }, 'invalid_request', saying('code')],
    [{ type: 'terminal_command', command: 'ls' }, 'invalid_request', saying('sessionId')],
    [{ type: 'terminal_command', sessionId: '../w', command: 'ls' }, 'invalid_request', { sessionId: '../w' }],
    [{ type: 'terminal_command', sessionId: 'w', command: ' \n' }, 'invalid_request', saying('command')],
    [{ type: 'terminal_command', sessionId: 'w', command: 'a\0b' }, 'invalid_request'],
    [{ type: 'terminal_command', sessionId: 'w', command: 'x'.repeat(200_001) }, 'invalid_request'],
  ];
  for (const [frame] of sent) client.send(frame);
  await expect.poll(() => client.frames.length).toBe(sent.length + 1);
  for (const [at, [, error, more]] of sent.entries()) {
    const expected = { type: 'error', error, message: expect.any(String), timestamp: iso, ...more };
    expect(client.frames[at + 1]).toMatchObject(expected);
  }
  expect(await client.ask({ type: 'ping' })).toEqual({ type: 'pong', timestamp: iso });
  expect(await server.sessions()).toEqual([]);
});

test('a requestId of any type is returned, even with an error', async (context) => {
  const server = await workspaceServer(context);
  const client = await server.client();
  client.send({ type: 'ping', requestId: { n: [1] } });
  client.send({ type: 'what', requestId: 7 });
  await expect
    .poll(() => client.frames.slice(1))
    .toMatchObject([
      { type: 'pong', requestId: { n: [1] } },
      { type: 'error', requestId: 7 },
    ]);
});

test('the error names a program that the sandbox does not have', async (context) => {
  const server = await workspaceServer(context);
  const { id } = await server.core.services.sessions.create({ origin: 'crogia' });
  const script = createRunFileCommand('main.py', 'mark');
  const result = await server.core.services.sandboxes.exec(
    id,
    { command: `PATH=/nowhere\n${script.command}` },
    AbortSignal.timeout(45_000),
  );
  const expected = { exitCode: 127, stdout: '', stderr: '', error: 'python3 is not available' };
  expect(toCodeResult(script, result, 30_000)).toEqual(expected);
});
