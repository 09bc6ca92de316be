import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  fileSendScript,
  receiveFileScript,
  toTransferError,
} from '../../../../../src/sessions/services/streams/streams.ts';
import { temporaryFolder } from '../../../../support/stores/store.ts';

function folder() {
  const temporary = temporaryFolder();
  onTestFinished(() => temporary[Symbol.dispose]());
  const root = temporary.path;
  const sh = (script: string, args: string[], input = '') =>
    spawnSync('sh', ['-c', script, 'sh', ...args], { cwd: root, encoding: 'latin1', input });
  const send = (path: string, from = '0', length = '') => {
    const { stdout, status } = sh(fileSendScript, [path, root, from, length]);
    const end = stdout.indexOf('\n');
    const [size, version] = stdout.slice(0, end).split(' ');
    return { status, size: Number(size), version, content: stdout.slice(end + 1) };
  };
  const receive = (path: string, text: string, replaces = '') => sh(receiveFileScript, [path, root, replaces], text);
  const upload = async (path: string, text: string, replaces: string) => {
    const program = spawn('sh', ['-c', receiveFileScript, 'sh', path, root, replaces], {
      cwd: root,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    program.stdin?.end(text);
    return (await once(program, 'exit'))[0] as number;
  };
  return { root, send, receive, upload };
}

test.each([
  ['0', '', '0123456789'],
  ['3', '', '3456789'],
  ['3', '4', '3456'],
  ['8', '100', '89'],
  ['10', '', ''],
  ['99', '5', ''],
])('from byte %s, with the length %s, a file of ten bytes gives %s', (from, length, content) => {
  const { root, send } = folder();
  writeFileSync(join(root, 'ten'), '0123456789');
  expect(send('ten', from, length)).toMatchObject({ status: 0, size: 10, content });
});

test('a file takes the place of the version that it names, and tells its own', () => {
  const { root, send, receive } = folder();
  const first = receive('a.txt', 'one', 'none');
  expect(first.status).toBe(0);
  expect(first.stdout.trim()).toBe(send('a.txt').version);
  expect(receive('a.txt', 'two!', first.stdout.trim()).stdout.trim()).toBe(send('a.txt').version);
  expect(readFileSync(join(root, 'a.txt'), 'utf8')).toBe('two!');
});

test('a file that has changed in the meantime stays as it is, and nothing is left next to it', () => {
  const { root, send, receive } = folder();
  writeFileSync(join(root, 'a.txt'), 'mine');
  const { version = '' } = send('a.txt');
  writeFileSync(join(root, 'a.txt'), 'theirs');
  for (const replaces of [version, 'none']) {
    const { status } = receive('a.txt', 'late', replaces);
    expect(toTransferError(status ?? 0, '').code).toBe('file_changed');
  }
  expect([readFileSync(join(root, 'a.txt'), 'utf8'), readdirSync(root)]).toEqual(['theirs', ['a.txt']]);
});

test('of several uploads that name one version exactly one takes its place', async () => {
  const { root, receive, upload } = folder();
  const first = receive('a.txt', 'first', 'none').stdout.trim();
  const codes = await Promise.all(Array.from({ length: 8 }, (_, at) => upload('a.txt', `text${at}`, first)));
  const won = codes.flatMap((code, at) => (code === 0 ? [at] : []));
  expect(won).toHaveLength(1);
  expect(codes.filter((code) => code !== 0).map((code) => toTransferError(code, '').code)).toEqual(
    Array(7).fill('file_changed'),
  );
  expect(readFileSync(join(root, 'a.txt'), 'utf8')).toBe(`text${won[0]}`);
  expect(readdirSync(root)).toEqual(['a.txt']);
});

test('a program stays executable when it is replaced', () => {
  const { root, receive } = folder();
  writeFileSync(join(root, 'run.sh'), 'old');
  chmodSync(join(root, 'run.sh'), 0o751);
  receive('run.sh', 'new');
  expect(statSync(join(root, 'run.sh')).mode & 0o777).toBe(0o751);
});

test.each(['f/', 'f/.', 'd/..'])('an upload to %j, which is a folder’s name, is refused', (path) => {
  const { root, receive } = folder();
  expect(receive(path, 'x').status).toBe(46);
  expect(readdirSync(root)).toEqual([]);
});
