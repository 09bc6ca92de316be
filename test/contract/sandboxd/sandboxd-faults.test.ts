// @module-tag all
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { createSandboxClient } from '../../../src/sandboxes/client/http-client.ts';
import { nightly } from '../../support/runner/tags.ts';
import { hasDocker } from '../../support/sandboxes/docker.ts';
import { memorySandboxd } from '../../support/sandboxes/memory-sandboxd.ts';
import { buildImage, sandboxContainer } from '../../support/sandboxes/sandbox-container.ts';
import { openedSandboxd, realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { budget, codesOf, followed, ownTag, run } from './sandboxd.ts';
import { programContract } from './sandboxd-programs.ts';
import { realSandboxdContract } from './sandboxd-real.ts';
import { realTerminalContract, terminalContract } from './sandboxd-terminals.ts';

realSandboxdContract('on this machine', () => realSandboxd());

test('F031 a killed daemon is back, and says that what ran is lost', async () => {
  const daemon = await openedSandboxd();
  const { client } = daemon;
  await run(client, 'mkdir sub; cd sub; export KEPT=yes; echo x >> ../count');
  await client.start({ id: 'running', shell: 'main', command: 'echo before; echo x >> ../count; sleep 600' }, budget());
  await client.start({ id: 'quick', shell: 'other', command: 'exit 5' }, budget());
  await followed(client, 'quick');
  await expect.poll(async () => (await client.operation('running', budget()))?.bytes).toBe(7);
  const { bootId } = await client.health(budget());
  const following = followed(client, 'running');
  process.kill(await daemon.daemonPid(), 'SIGKILL');

  const expected = { output: 'before\n', operation: { state: 'exited', reason: 'lost', bytes: 7 } };
  expect(await following).toMatchObject(expected);
  expect((await client.health(budget())).bootId).not.toBe(bootId);
  expect(await client.operation('quick', budget())).toMatchObject({ state: 'exited', exitCode: 5 });
  const again = await client.start({ id: 'running', shell: 'main', command: 'echo x >> ../count' }, budget());
  expect(again).toMatchObject({ state: 'exited', reason: 'lost' });
  const left = async () => (await client.processes(budget())).filter(({ cmd }) => cmd.includes('600'));
  await expect.poll(left).toEqual([]);
  expect((await run(client, 'pwd; echo $KEPT')).output).toBe(`${daemon.workspace}/sub\nyes\n`);
  const { console } = await client.view('main', budget());
  expect(console.map(({ output }) => output).slice(0, 2)).toEqual(['', 'before\n']);
  expect(await readFile(`${daemon.workspace}/count`, 'utf8')).toBe('x\nx\n');
});

test('F032 a stopped daemon is noticed by whoever waits for a command', { tags: ['nightly'] }, async () => {
  const daemon = await openedSandboxd();
  await daemon.client.start({ id: 'long', shell: 'main', command: 'sleep 600' }, budget());
  const pid = await daemon.daemonPid();
  const waiting = codesOf([followed(daemon.client, 'long'), daemon.client.exec({ command: 'sleep 600' }, budget())]);
  process.kill(pid, 'SIGSTOP');
  try {
    expect(await waiting).toEqual(['sandbox_unresponsive', 'sandbox_unresponsive']);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  expect(await daemon.client.operation('long', budget())).toMatchObject({ state: 'running' });
});

test.each([
  [
    'puts folders where its shell and the daemon keep their files',
    'mkdir "$CORRAL_STATE" "$(echo $CORRAL_STATE | sed s/state$/sh/)"',
  ],
  ['leaves a FIFO where its shell keeps its state', 'trap - EXIT; rm -f "$CORRAL_STATE"; mkfifo "$CORRAL_STATE"'],
])('a command ends even when it %s', async (_, command) => {
  const { client } = await openedSandboxd();
  expect(await run(client, `${command}; echo made`)).toMatchObject({ output: 'made\n', operation: { exitCode: 0 } });
  expect((await run(client, 'echo next')).output).toBe('next\n');
});

test('F034 the daemon does nothing for a caller with a wrong token', async () => {
  const daemon = await openedSandboxd();
  for (const token of ['', 'test-tokem', 'test-token2', 'test-toke']) {
    const client = createSandboxClient({ agent: daemon.agent, token: new Secret(token), workdir: '' });
    expect(await codesOf([client.exec({ command: 'touch done' }, budget())])).toEqual(['sandbox_unavailable']);
  }
  expect(await readdir(daemon.workspace)).toEqual([]);
});

test('F116 long output of random bytes, of lines and of one line arrives whole', { tags: ['all'] }, async () => {
  const mib = 30;
  const { client } = await openedSandboxd();
  const head = `head -c ${mib}M`;
  for (const command of [`${head} /dev/urandom`, `yes | ${head}`, `${head} /dev/zero | tr "\\0" x`]) {
    const id = `flood-${command.length}`;
    await client.start({ id, shell: 'main', command }, AbortSignal.timeout(60_000));
    let size = 0;
    const operation = await client.follow(id, 0, (part) => (size += part.length), AbortSignal.timeout(60_000));
    expect({ size, ...operation }).toMatchObject({ size: mib << 20, bytes: mib << 20, exitCode: 0 });
  }
});

test("F118 endless output is held back at the spool's limit, gone after a stop", { tags: ['nightly'] }, async () => {
  const { client } = await openedSandboxd({ CORRAL_SPOOL_CAP_BYTES: String(1 << 20) });
  const tag = ownTag('run');
  await client.start({ id: 'endless', shell: 'main', command: 'while :; do echo x; done', tag }, budget());
  const bytes = async () => (await client.operation('endless', budget()))?.bytes;
  await expect.poll(bytes).toBeGreaterThan(1 << 20);
  for (let round = 0; round < 20; round++) await client.exec({ command: 'true' }, budget());
  const held = await bytes();
  for (let round = 0; round < 20; round++) await client.exec({ command: 'true' }, budget());
  expect(await bytes()).toBe(held);
  await client.killTagged(tag, budget());
  expect((await followed(client, 'endless')).operation.reason).toBe('killed');
});

test('on a machine without the program script a command runs over pipes, and the operation reports no terminal', async () => {
  const daemon = await openedSandboxd();
  const tools = join(daemon.folder, 'tools');
  await mkdir(tools);
  for (const tool of ['bash', 'sh', 'env', 'stty', 'sleep', 'cat'])
    await symlink(`/usr/bin/${tool}`, join(tools, tool));
  await run(daemon.client, `export PATH=${tools}`);
  const { output, operation } = await run(daemon.client, 'test -t 1 || echo "no terminal" >&2; cd /; exit 3');
  expect({ output, ...operation }).toMatchObject({ output: 'no terminal\n', exitCode: 3, terminal: false });
  await daemon.client.start({ id: 'typed', shell: 'main', command: 'pwd; read x; echo "$x"; sleep 60' }, budget());
  await daemon.client.write('main', 'hello\n', budget());
  await expect.poll(async () => (await daemon.client.operation('typed', budget()))?.bytes).toBe(8);
  // No program reads the input now, so the daemon refuses further input above a limit.
  const paste = async () => {
    for (let n = 0; n < 20; n++) await daemon.client.write('main', 'x'.repeat(100_000), budget());
  };
  await expect(paste()).rejects.toMatchObject({ code: 'conflict' });
  await daemon.client.kill('main', budget());
  const expected = { output: '/\nhello\nTerminated\n', operation: { reason: 'killed' } };
  expect(await followed(daemon.client, 'typed')).toMatchObject(expected);
});

test('exec reads no start-up file of the shell, with input or without a terminal', async () => {
  const { client, folder } = await openedSandboxd();
  await writeFile(join(folder, '.bashrc'), 'echo unasked');
  expect(await client.exec({ command: 'cat', stdin: 'x' }, budget())).toMatchObject({ stdout: 'x' });
});

test('a follower that does not read does not block the command', async () => {
  const daemon = await openedSandboxd();
  const { client, agent, token } = daemon;
  await client.start({ id: 'flood', shell: 'main', command: 'head -c 30M /dev/zero | tr "\\0" x' }, budget());
  const path = '/operations/flood/output?from=0';
  const deaf = request({ agent, path, headers: { authorization: `Bearer ${token}` } }).end();
  deaf.on('response', (response) => void response.pause()).on('error', () => {});
  onTestFinished(() => void deaf.destroy());
  await expect.poll(async () => (await client.operation('flood', budget()))?.state).toBe('exited');
});

test('the daemon answers an invalid request with an error code', async () => {
  const { agent, token } = await openedSandboxd();
  const ask = async (method: string, path: string, body = '') => {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; code: string }>();
    const outgoing = request(
      { agent, method, path, headers: { authorization: `Bearer ${token}` } },
      async (response) => {
        resolve({ status: response.statusCode, code: JSON.parse(await text(response)).error.code });
      },
    );
    outgoing.on('error', reject).end(body);
    return await promise;
  };
  expect(await ask('GET', '/nowhere')).toEqual({ status: 404, code: 'not_found' });
  expect(await ask('POST', '/operations', '{')).toEqual({ status: 400, code: 'invalid_request' });
  expect(await ask('POST', '/operations', '{"id":"a","shell":"b","command":"c","colour":1}')).toMatchObject({
    status: 400,
  });
  expect(await ask('POST', '/exec', '[]')).toMatchObject({ status: 400 });
  const expected = { status: 413, code: 'payload_too_large' };
  expect(await ask('POST', '/exec', `{"command":"${'x'.repeat(11 << 20)}"}`)).toEqual(expected);
  expect(await ask('GET', '/operations/a/output?from=-1')).toMatchObject({ status: 404 });
  expect(await ask('GET', '/files/content?path=a&maxBytes=1e3')).toMatchObject({ status: 400 });
});

programContract('on this machine', () => realSandboxd());

// The same daemon passes these tests on this machine in every run.
const docker = await hasDocker();
describe.skipIf(!docker)(docker ? 'in a container' : 'in a container: skipped, Docker does not answer', nightly, () => {
  let built: Promise<void> | undefined;
  programContract('in a container', async () => {
    built ??= buildImage();
    await built;
    return await sandboxContainer();
  });
});

test('a daemon that was killed leaves neither programs nor terminals behind', async () => {
  const daemon = await openedSandboxd();
  const { client } = daemon;
  await client.programs.open({ id: 'p', argv: ['sleep', '831'] }, budget());
  await client.terminals.open('t', budget());
  await client.terminals.write('t', 'sleep 76\n', budget());
  const sleeping = async () => (await client.processes(budget())).filter(({ cmd }) => /^sleep (831|76)$/.test(cmd));
  await expect.poll(sleeping).toHaveLength(2);
  process.kill(await daemon.daemonPid(), 'SIGKILL');
  await expect.poll(() => client.programs.list(budget())).toEqual([]);
  await expect.poll(() => client.terminals.list(budget())).toEqual([]);
  await expect.poll(sleeping).toEqual([]);
});

terminalContract('in memory', async () => memorySandboxd());
terminalContract('on this machine', () => realSandboxd());
realTerminalContract('on this machine', () => realSandboxd());

test('an image without `script` has no terminals, and says so', async () => {
  const daemon = await openedSandboxd({ PATH: '/nowhere' });
  await expect(daemon.client.terminals.open('t', budget())).rejects.toMatchObject({ code: 'unsupported' });
});
