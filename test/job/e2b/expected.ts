// The results of the programs' steps, the same on every driver except for what a driver does not support.
import { expect } from 'vitest';

export const core = {
  run: { exitCode: 0, stdout: 'hi\n/home/user\nbar true user\n', stderr: 'no\n' },
  'exit code': ['CommandExitError', 3],
  'missing program': 127,
  streamed: ['1\n', '2\n', '3\n'],
  stdin: 'got hello\n',
  kill: [true, true, true, -1, 'signal: killed', false],
  'connect late': 'late\n',
  'connect ended': 4,
  timeout: 'TimeoutError',
  pty: [0, true, true],
  'many processes': [true, 0],
  'write and read': ['/home/user/a/b.txt', 'hello', true, false],
  bytes: [1, 2, 255],
  'several files': ['/home/user/m1', '/home/user/d/m2'],
  list: [
    ...['dir /home/user/a', 'file /home/user/a/b.txt', 'dir /home/user/d', 'file /home/user/d/m2'],
    'file /home/user/m1',
  ],
  info: {
    name: 'b.txt',
    type: 'file',
    path: '/home/user/a/b.txt',
    size: 5,
    mode: 0o644,
    permissions: '-rw-r--r--',
    owner: 'user',
    group: 'user',
  },
  folders: [true, false],
  rename: '/home/user/a/c.txt',
  remove: false,
  'no file': 'FileNotFoundError',
  watch: ['create sub', 'create sub/f'],
  'signed urls': [200, 200, 'signed'],
  metrics: [true, true, true],
  detail: { state: 'running', metadata: { a: 'b c' }, envdVersion: '0.6.4', templateId: 'base' },
  listed: [1, 0],
  port: { allowed: [200, '1'], without: 403, byHost: 200, closed: 502 },
  pause: [true, false, false, 'paused', 'TimeoutError'],
  resume: ['11\nbar\n', true],
  'pause of the files alone': '1gone\n0\n',
  'killed in a stream': [true, false, 'TimeoutError'],
  gone: 'SandboxNotFoundError',
  'closed network': [false, '403'],
  'network update': [
    [true, null],
    [false, ['registry.npmjs.org'], '403'],
    [false, [], '403'],
    [true, null],
  ],
  'its time is over': false,
  'unknown template': 'SandboxError',
};

export const code = {
  value: { text: '42', stdout: ['hi\n'], count: 1 },
  state: '41',
  error: ['ZeroDivisionError', 'division by zero'],
  'variables of one execution': ['v', null],
  JavaScript: ['6', '3'],
  contexts: { cwd: '/tmp', read: '/tmp', apart: 'NameError', listed: 3, restarted: 'NameError', left: 2 },
  streamed: ['0\n', '1\n', '2\n'],
  'a client that gives up': 'TimeoutError',
  'state after it': '41',
  json: { a: 1 },
  chart: {
    count: 1,
    isPng: true,
    type: 'line',
    title: 'T',
    x_unit: 's',
    elements: [
      {
        label: 'a',
        points: [
          [1, 2],
          [2, 4],
          [3, 6],
        ],
      },
    ],
  },
  table: { data: { a: [1, 2], b: ['x', null] }, isHtml: true },
  'a kernel that dies': 'KernelDied',
  'after it': '2',
  'a language without a kernel': 'SandboxError',
};

export const python = {
  stdin: 'got x bar\n',
  kill: [1, ['-l', '-c', 'sleep 100'], {}, true, false],
  pty: true,
  files: ['/home/user/a.txt', { author: 'ann' }, { author: 'ann' }, false],
  watch: ['create x', 'chmod x', 'write x'],
  'signed url': 'hi',
  metrics: [true],
  chart: ['bar', { a: 1, b: 2 }],
  pause: [1, true, false],
  connect: ['hi', '1'],
  network_update: [false, true],
  'kill of the sandbox': [true, false],
};

/** The same on a driver that cannot freeze processes, where a pause keeps the files alone. */
export const unfrozen = {
  ...core,
  resume: ['10\nbar\n', true],
  // the cluster's tests configure no egress for pods, so no proxy answers
  'closed network': [false, '000'],
  'network update': { failed: 'SandboxError', message: expect.stringContaining('Pause or stop it, then change') },
};
export const unfrozenPython = { ...python, connect: ['hi', null] };

export const templates = {
  build: [true, true, ['default', 'v1']],
  log: [true, true, true, true, false],
  found: [true, false],
  started: ['42', 'six', '1.2.3', '/home/user/app', 'hello', 'blue', ''], // its start command serves the greeting
  'by a tag': ['2.0.0\n', 'SandboxError'],
  again: true,
  'a step that fails': ['BuildError', true, expect.arrayContaining([expect.stringContaining('CACHED [1/')])],
  'an image that is not allowed': 'BuildError',
  tags: [['stable'], ['default', 'stable', 'v1'], ['default', 'v1']],
};

export const volumes = {
  connected: 'data-of-a-program',
  refused: ['VolumeError', 'VolumeNotFoundError'],
  makeDir: ['b', '/a/b', 'directory', 'VolumePathNotFoundError', 'VolumeError'],
  write: ['one.txt', '/a/b/one.txt', 5, 'file', '640', true],
  'write a stream': 1_000_000,
  read: ['hello', 1_000_000, 'VolumePathNotFoundError', 'VolumeError'],
  list: [['/a', '/stream'], ['/a', '/a/b', '/a/b/one.txt', '/stream'], 'VolumePathNotFoundError'],
  info: [true, false, 'directory'],
  metadata: ['600', 'VolumeError'],
  mounted: 'hello',
  'one writer': 'SandboxError',
  'written meanwhile': 'VolumeError',
  'read meanwhile': ['more\n', 'VolumeError'],
  'a link': ['symlink', '/etc/passwd'],
  'a reader': 'more\n1\n',
  'in use': 'VolumeError',
  elsewhere: 'SandboxError',
  remove: [false, 'VolumePathNotFoundError'],
  destroy: [true, false],
};
