import { EventEmitter } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { resolveSandboxPath } from '../../../../src/facades/compat/e2b/data/call.ts';
import {
  ConnectStream,
  encodeEnvelope,
  parseConnectTimeout,
  parseEnvelope,
  sendConnectError,
  toCamelCaseKeys,
  toConnectError,
} from '../../../../src/facades/compat/e2b/data/connect.ts';
import { toFilesystemEntry } from '../../../../src/facades/compat/e2b/data/filesystem.ts';
import { toProcessEndEvent } from '../../../../src/facades/compat/e2b/data/process.ts';

test('an envelope is read as it was written; a compressed or cut one is refused', () => {
  expect(JSON.parse(parseEnvelope(encodeEnvelope(0, { a: 1 })).toString())).toEqual({ a: 1 });
  const compressed = encodeEnvelope(0, {});
  compressed[0] = 1;
  expect(() => parseEnvelope(compressed)).toThrow('Compressed');
  expect(() => parseEnvelope(encodeEnvelope(0, { a: 1 }).subarray(0, 8))).toThrow('whole envelope');
  expect(() => parseEnvelope(Buffer.alloc(3))).toThrow('whole envelope');
});

test.each([
  ['invalid_request', 'invalid_argument', 400],
  ['file_not_found', 'not_found', 404],
  ['quota', 'resource_exhausted', 429],
  ['unsupported', 'unimplemented', 501],
  ['unauthorized', 'unauthenticated', 401],
  ['internal', 'internal', 500],
  ['sandbox_unavailable', 'unavailable', 503],
  ['shutting_down', 'unavailable', 503],
  ['deadline_exceeded', 'deadline_exceeded', 504],
] as const)('%s of the sandbox is %s on the wire, with the status %i', (code, connect, status) => {
  const error = toConnectError(new AppError(code, 'why'));
  const end = vi.fn();
  const writeHead = vi.fn(() => ({ end }));
  sendConnectError({ writeHead } as never, error);
  expect([error.code, writeHead.mock.lastCall]).toEqual([connect, [status, { 'content-type': 'application/json' }]]);
  expect(end).toHaveBeenCalledWith(JSON.stringify({ code: connect, message: error.message }));
});
test('a failure that nobody expected is internal, and tells nothing about itself', () =>
  expect(toConnectError(new Error('password=hunter2'))).toMatchObject({
    code: 'internal',
    message: 'Internal server error',
  }));

test.each([
  [{}, 90],
  [{ 'keepalive-ping-interval': '50' }, 50],
  [{ 'keepalive-ping-interval': '0' }, 90],
  [{ 'keepalive-ping-interval': 'x' }, 90],
])('a stream requested with %j is kept alive after %i silent seconds', async (headers, seconds) => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const sent: string[] = [];
  const write = (bytes: Buffer) => sent.push(bytes.subarray(5).toString()) > 0;
  const response = Object.assign(new EventEmitter(), { write, writeHead: () => {}, flushHeaders: () => {} });
  using stream = new ConnectStream({ headers } as never, response as never, { keepalive: {} });
  vi.advanceTimersByTime(seconds * 1_000 - 1);
  await stream.send({ a: 1 });
  vi.advanceTimersByTime(seconds * 1_000 - 1);
  expect(sent).toEqual(['{"a":1}']);
  vi.advanceTimersByTime(1);
  expect(sent.at(-1)).toBe('{"keepalive":{}}');
});

test.each([
  ['1500', 1_500],
  ['0', undefined],
  [undefined, undefined],
  ['9999999999', 2 ** 31 - 1],
])('a timeout of %j is %j', (words, ms) =>
  expect(parseConnectTimeout({ headers: { ...(words && { 'connect-timeout-ms': words }) } } as never)).toBe(ms),
);

test.each([
  ['', '/home/user'],
  ['~', '/home/user'],
  ['~/a', '/home/user/a'],
  ['a/b', '/home/user/a/b'],
  ['/etc', '/etc'],
])('the path %j is %s', (path, full) => expect(resolveSandboxPath(path, '/home/user')).toBe(full));
test('the home of another user is no path', () =>
  expect(() => resolveSandboxPath('~root/x', '/home/user')).toThrow('other users'));

test('an entry has the letters of its mode, and the name that programs expect for the user', () => {
  const of = (more: object) =>
    toFilesystemEntry({
      name: 'f',
      path: '/f',
      type: 'file',
      size: 3,
      mode: 0o100640,
      owner: 'agent',
      group: 'agent',
      modified: '2026-01-01T00:00:00.000Z',
      ...more,
    } as never);
  expect(of({})).toEqual({
    name: 'f',
    path: '/f',
    type: 'FILE_TYPE_FILE',
    size: '3',
    mode: 0o640,
    permissions: '-rw-r-----',
    owner: 'user',
    group: 'user',
    modifiedTime: '2026-01-01T00:00:00.000Z',
  });
  const expected = { type: 'FILE_TYPE_DIRECTORY', permissions: 'drwxr-xr-x' };
  expect(of({ type: 'directory', mode: 0o755 })).toMatchObject(expected);
  expect(of({ isLink: true, target: '/t' })).toMatchObject({ permissions: 'Lrw-r-----', symlinkTarget: '/t' });
  for (const type of ['other', 'broken']) expect(of({ type })).toMatchObject({ type: 'FILE_TYPE_UNSPECIFIED' });
});

test('names of fields are read in both spellings, and the keys of maps stay', () =>
  expect(toCamelCaseKeys({ include_entry: true, process: { envs: { MY_VAR: 'x' } } })).toEqual({
    includeEntry: true,
    process: { envs: { MY_VAR: 'x' } },
  }));

test('an end says its exit status, or the signal', () => {
  expect(toProcessEndEvent({ exitCode: 0 })).toEqual({ exitCode: 0, exited: true, status: 'exit status 0' });
  expect(toProcessEndEvent({ exitCode: 3 })).toMatchObject({
    exited: true,
    status: 'exit status 3',
    error: 'exit status 3',
  });
  expect(toProcessEndEvent({ exitCode: -1, signal: 'SIGKILL' })).toMatchObject({
    exited: false,
    status: 'signal: killed',
  });
});
