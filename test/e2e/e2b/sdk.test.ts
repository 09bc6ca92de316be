import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasDocker } from '../../support/docker.ts';
import { runOnSdk, type Steps } from '../../support/e2b-sdks.ts';
import { type ServerProcess, serverProcess } from '../../support/server-process.ts';

// The published SDKs are the oracle: unpatched, led here by environment variables alone.
const docker = await hasDocker();
let server: ServerProcess;
let env: Record<string, string>;

describe.skipIf(!docker)(docker ? 'programs on the E2B SDKs' : 'programs on the E2B SDKs: skipped, no Docker', () => {
  beforeAll(async () => {
    server = await serverProcess({ CORRAL_DRIVER: 'docker', CORRAL_E2B_FACADE: 'on', CORRAL_TOKEN: 'e2b_0123456789' });
    env = { E2B_API_URL: server.url, E2B_SANDBOX_URL: server.url, E2B_API_KEY: 'e2b_0123456789' };
  }, 120_000);
  afterAll(() => server[Symbol.asyncDispose]());

  const program = (file: string) => {
    let steps: Promise<Steps>;
    beforeAll(async () => {
      steps = runOnSdk(file, env);
      await steps;
    }, 300_000);
    return (name: string, expected: unknown) =>
      test(`${file}: ${name}`, async () => expect((await steps)[name]).toEqual(expected));
  };

  describe('in JavaScript', () => {
    const gives = program('core.mjs');
    gives('run', { exitCode: 0, stdout: 'hi\n/home/user\nbar true user\n', stderr: 'no\n' });
    gives('exit code', ['CommandExitError', 3]);
    gives('missing program', 127);
    gives('streamed', ['1\n', '2\n', '3\n']);
    gives('stdin', 'got hello\n');
    gives('kill', [true, true, true, -1, 'signal: killed', false]);
    gives('connect late', 'late\n');
    gives('connect ended', 4);
    gives('timeout', 'TimeoutError');
    gives('pty', [0, true, true]);
    gives('200 processes', [200, 0]);
    gives('write and read', ['/home/user/a/b.txt', 'hello', true, false]);
    gives('bytes', [1, 2, 255]);
    gives('several files', ['/home/user/m1', '/home/user/d/m2']);
    gives('list', [
      ...['dir /home/user/a', 'file /home/user/a/b.txt', 'dir /home/user/d', 'file /home/user/d/m2'],
      'file /home/user/m1',
    ]);
    gives('info', {
      ...{ name: 'b.txt', type: 'file', path: '/home/user/a/b.txt', size: 5, mode: 0o644 },
      ...{ permissions: '-rw-r--r--', owner: 'user', group: 'user' },
    });
    gives('folders', [true, false]);
    gives('rename', '/home/user/a/c.txt');
    gives('remove', false);
    gives('no file', 'FileNotFoundError');
    gives('watch', ['create sub', 'create sub/f']);
    gives('signed urls', [200, 200, 'signed']);
    gives('metrics', [true, true, true]);
    gives('detail', { state: 'running', metadata: { a: 'b c' }, envdVersion: '0.6.1', templateId: 'base' });
    gives('listed', [1, 0]);
    gives('set timeout', true);
    gives('port', { allowed: [200, '1'], without: 403, byHost: 200, closed: 502 });
    gives('pause', [true, false, false, 'paused']);
    gives('resume', ['11\n', true]);
    gives('pause of the files alone', '10\n');
    gives('killed in a stream', [true, false, 'TimeoutError']);
    gives('gone', 'SandboxNotFoundError');
    gives('its time is over', false);
    gives('unknown template', 'SandboxError');
  });

  describe('in JavaScript with the code interpreter', () => {
    const gives = program('code.mjs');
    gives('value', { text: '42', stdout: ['hi\n'], count: 1 });
    gives('state', '41');
    gives('error', ['ZeroDivisionError', 'division by zero']);
    gives('variables of one execution', ['v', null]);
    gives('JavaScript', ['6', '3']);
    gives('contexts', { cwd: '/tmp', read: '/tmp', apart: 'NameError', listed: 3, restarted: 'NameError', left: 2 });
    gives('streamed', ['0\n', '1\n', '2\n']);
    gives('a client that gives up', 'TimeoutError');
    gives('state after it', '41');
    gives('json', { a: 1 });
    gives('a kernel that dies', 'KernelDied');
    gives('after it', '2');
    gives('a language without a kernel', 'SandboxError');
  });

  describe('in Python', () => {
    const gives = program('core.py');
    gives('run', ['hi\nbar\n', 'no\n', 0]);
    gives('exit code', ['CommandExitException', 3]);
    gives('stdin', 'got x\n');
    gives('kill', [1, ['-l', '-c', 'sleep 100'], {}, true, false]);
    gives('pty', true);
    gives('files', ['/home/user/a.txt', 'hi', true, false]);
    gives('watch', ['create x', 'write x']);
    gives('signed url', 'hi');
    gives('metrics', true);
    gives('code', ['2', '1']);
    gives('listed', 1);
    gives('pause', [true, false]);
    gives('connect', ['hi', '1']);
    gives('killed', [true, false]);
  });
});
