import { randomUUID } from 'node:crypto';
import { test as base, describe, expect } from 'vitest';
import type { OperationEntry, SandboxClient } from '../../../src/sandboxes/client/client.ts';

export interface SandboxdHarness extends AsyncDisposable {
  readonly client: SandboxClient;
}
export const budget = () => AbortSignal.timeout(60_000);

/**
 * Daemons of parallel tests share this machine's processes, and one daemon would end processes that another marked with
 * the same id.
 */
const own = randomUUID().slice(0, 8);
export const ownTag = (name: string) => `${name}-${own}`;

let operations = 0;
/** Runs a command in a shell session to its end. */
export async function run(
  client: SandboxClient,
  command: string,
  more: { shell?: string; cwd?: string; timeoutMs?: number; tag?: string; fresh?: boolean } = {},
) {
  const id = `op-${own}-${operations++}`;
  await client.start({ id, shell: 'main', command, ...more }, budget());
  return { id, ...(await followed(client, id)) };
}
export async function followed(
  client: SandboxClient,
  id: string,
  from = 0,
): Promise<{ output: string; operation: OperationEntry }> {
  const parts: Uint8Array[] = [];
  const operation = await client.follow(id, from, (part) => parts.push(part), budget());
  return { output: Buffer.concat(parts).toString(), operation };
}

/** Tests that get a client of their own daemon. */
export const clientTest = (open: () => Promise<SandboxdHarness>) =>
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads which fixtures this one needs
  base.extend('client', async ({}, { onCleanup }) => {
    const harness = await open();
    onCleanup(() => harness[Symbol.asyncDispose]());
    return harness.client;
  });

/** A reader of a program or job, and what it got so far. */
export function recordingReader() {
  const reply = { output: '', errors: '' };
  const into = (kind: keyof typeof reply) => (chunk: Buffer) => {
    reply[kind] += chunk.toString();
  };
  return { reply, reader: { onOutput: into('output'), onErrors: into('errors') } };
}

/** The error code of each call; the result of a successful call. */
export const codesOf = (calls: readonly Promise<unknown>[]) =>
  Promise.all(calls.map((call) => call.catch((thrown) => thrown.code)));

/** The tests that every daemon must pass. They use only commands that the in-memory daemon knows. */
export function sandboxdContract(name: string, open: () => Promise<SandboxdHarness>): void {
  describe(`sandboxd, ${name}`, () => {
    const test = clientTest(open);

    test('health names the daemon and its boot', async ({ client }) => {
      const health = await client.health(budget());
      expect(health.version).toMatch(/^\w/);
      expect(health).toMatchObject({ bootId: (await client.health(budget())).bootId, oomKills: expect.any(Number) });
    });

    test('asking for health or usage, in numbers, does not count as activity, a command does', async ({ client }) => {
      const idleMs = async () => (await client.health(budget())).idleMs;
      await expect.poll(idleMs).toBeGreaterThan(30);
      const usage = await client.usage(budget());
      expect(Math.min(usage.cpuSeconds, usage.memoryBytes)).toBeGreaterThanOrEqual(0);
      expect(Number.isInteger(usage.processes)).toBe(true);
      expect(await idleMs()).toBeGreaterThan(30);
      const isLessIdleAfterCommand = async () => {
        const before = await idleMs();
        await client.exec({ command: 'true' }, budget());
        return (await idleMs()) < before;
      };
      await expect.poll(isLessIdleAfterCommand).toBe(true);
    });

    test('a command in a shell session gives its output and its exact exit code', async ({ client }) => {
      const { output, operation, id } = await run(client, 'echo one; echo two; exit 3');
      expect(output).toBe('one\ntwo\n');
      const spool = `.corral/output/${id}.log`;
      expect(operation).toMatchObject({ id, state: 'exited', exitCode: 3, bytes: 8, spool });
      expect(operation.reason).toBeUndefined();
      expect(String(await client.readFile(operation.spool, budget()))).toBe('one\ntwo\n');
    });

    test('the folder and the exports carry over to the next command of the same session only', async ({ client }) => {
      await run(client, 'mkdir sub; cd sub; export GREETING="a  b"');
      expect((await run(client, 'pwd; echo "$GREETING"')).output).toBe(`${client.workdir}/sub\na  b\n`);
      expect((await run(client, 'pwd; echo "$GREETING"', { shell: 'other' })).output).toBe(`${client.workdir}\n\n`);
    });

    test('a second start with the same id runs nothing and answers the first', async ({ client }) => {
      const request = { id: 'once', shell: 'main', command: 'echo x >> count; exit 4' };
      await Promise.all([client.start(request, budget()), client.start(request, budget())]);
      await followed(client, 'once');
      expect(await client.start(request, budget())).toMatchObject({ state: 'exited', exitCode: 4 });
      expect(String(await client.readFile('count', budget()))).toBe('x\n');
    });

    test('an operation nobody started is undefined', async ({ client }) => {
      expect(await client.operation('never', budget())).toBeUndefined();
      await expect(followed(client, 'never')).rejects.toMatchObject({ code: 'not_found' });
    });

    test('a shell session runs one command at a time, and two sessions run side by side', async ({ client }) => {
      await client.start({ id: 'long', shell: 'main', command: 'sleep 60' }, budget());
      const second = client.start({ id: 'second', shell: 'main', command: 'echo hi' }, budget());
      await expect(second).rejects.toMatchObject({ code: 'conflict' });
      expect((await run(client, 'echo hi', { shell: 'other' })).output).toBe('hi\n');
      expect(await client.operation('second', budget())).toBeUndefined();
    });

    test('write sends input to the running command', async ({ client }) => {
      await client.start({ id: 'asks', shell: 'main', command: 'echo name?; read name; echo "hello $name"' }, budget());
      const done = followed(client, 'asks');
      await expect.poll(async () => (await client.operation('asks', budget()))?.bytes).toBeGreaterThan(0);
      await client.write('main', 'Ann\n', budget());
      expect((await done).output).toBe('name?\nhello Ann\n');
      await expect(client.write('main', 'late\n', budget())).rejects.toMatchObject({ code: 'conflict' });
    });

    test('a killed command says so, and its session takes the next one', async ({ client }) => {
      await client.start({ id: 'killed', shell: 'main', command: 'sleep 60' }, budget());
      await client.kill('main', budget());
      expect((await followed(client, 'killed')).operation).toMatchObject({ exitCode: 143, reason: 'killed' });
      expect((await run(client, 'echo next')).output).toBe('next\n');
    });

    test('a command over its time is ended with 124', async ({ client }) => {
      const { operation } = await run(client, 'sleep 60', { timeoutMs: 50 });
      expect(operation).toMatchObject({ exitCode: 124, reason: 'timed_out' });
    });

    test('the console shows what a session ran and where', async ({ client }) => {
      await run(client, 'echo hi; mkdir deep; cd deep');
      await client.start({ id: 'now', shell: 'main', command: 'echo busy; sleep 60' }, budget());
      await expect.poll(async () => (await client.operation('now', budget()))?.bytes).toBe(5);
      expect(await client.view('main', budget())).toEqual({
        id: 'main',
        running: 'now',
        console: [
          { ps1: 'corral:~$ ', command: 'echo hi; mkdir deep; cd deep', output: 'hi\n' },
          { ps1: 'corral:~/deep$ ', command: 'echo busy; sleep 60', output: 'busy\n' },
        ],
      });
    });

    test('a console can be limited to its newest outputs, and names every command all the same', async ({ client }) => {
      for (const text of ['first', 'second', 'third']) await run(client, `echo ${text}`);
      const { console } = await client.view('main', budget(), { chars: 'echo second'.length * 4 });
      expect(console.map(({ command, output }) => [command, output])).toEqual([
        ['echo first', '[… left out …]'],
        ['echo second', 'second\n'],
        ['echo third', 'third\n'],
      ]);
    });

    test('an unknown shell session is shell_not_found in every call', async ({ client }) => {
      const calls = [client.view('no', budget()), client.write('no', 'x', budget()), client.kill('no', budget())];
      expect(await codesOf(calls)).toEqual(calls.map(() => 'shell_not_found'));
    });

    test('output continues at the byte requested, also after the end', async ({ client }) => {
      const { id } = await run(client, 'printf "0123456789"');
      expect([(await followed(client, id, 7)).output, (await followed(client, id, 10)).output]).toEqual(['789', '']);
    });

    test('a follower that gives up leaves the command running', async ({ client }) => {
      await client.start({ id: 'goes-on', shell: 'main', command: 'echo first; sleep 60' }, budget());
      const stop = new AbortController();
      const following = client.follow('goes-on', 0, () => stop.abort(), stop.signal);
      await expect(following).rejects.toMatchObject({ code: 'cancelled' });
      expect(await client.operation('goes-on', budget())).toMatchObject({ state: 'running' });
    });

    test('a tag finds all that was started with it, and nothing else', async ({ client }) => {
      await client.start({ id: 'tagged', shell: 'a', command: 'sleep 61', tag: ownTag('run-1') }, budget());
      await client.exec({ command: 'sleep 62 > /dev/null 2>&1 &', tag: ownTag('run-1') }, budget());
      await client.start({ id: 'spared', shell: 'b', command: 'sleep 63', tag: ownTag('run-2') }, budget());
      const sleepers = async () => {
        const left = (await client.processes(budget())).filter(({ cmd }) => cmd.includes('sleep'));
        return new Set(left.map(({ tag }) => tag));
      };
      // each shell has started its command
      await expect.poll(sleepers).toEqual(new Set([ownTag('run-1'), ownTag('run-2')]));
      expect((await client.killTagged(ownTag('run-1'), budget())).killed).toBeGreaterThanOrEqual(2);
      expect((await followed(client, 'tagged')).operation).toMatchObject({ reason: 'killed' });
      expect(await sleepers()).toEqual(new Set([ownTag('run-2')]));
      expect((await client.killTagged(ownTag('run-1'), budget())).killed).toBe(0);
    });

    test('the end of a tag shows the requested shells with all that they printed', async ({ client }) => {
      await client.start({ id: 'last', shell: 'a', command: 'echo first; sleep 61', tag: ownTag('run-1') }, budget());
      await expect.poll(async () => (await client.operation('last', budget()))?.bytes).toBeGreaterThan(0);
      const view = { shells: ['a', 'unknown'], chars: 1_000 };
      const { shells = [] } = await client.killTagged(ownTag('run-1'), budget(), view);
      const { console } = await client.view('a', budget(), view);
      expect(shells).toMatchObject([{ id: 'a', console }]);
      expect(console[0]?.output).toContain('first');
    });

    test('a process is listed with its tag, and can be signalled', async ({ client }) => {
      await client.start({ id: 'listed', shell: 'main', command: 'sleep 64', tag: 'mine' }, budget());
      const find = async () => (await client.processes(budget())).find(({ cmd }) => cmd.endsWith('sleep 64'));
      await expect.poll(find).toMatchObject({ tag: 'mine', started: expect.stringMatching(/^\d{4}-.*Z$/) });
      await client.signalProcess((await find())?.pid ?? 0, 'SIGKILL', budget());
      await followed(client, 'listed');
      await expect(client.signalProcess(999_999_999, 'SIGTERM', budget())).rejects.toMatchObject({ code: 'not_found' });
    });

    test('exec keeps the streams apart and passes the input', async ({ client }) => {
      const result = await client.exec({ command: 'cat; nosuchcommand', stdin: 'a\nb\n' }, budget());
      expect(result).toMatchObject({ stdout: 'a\nb\n', exitCode: 127, timedOut: false });
      expect(result).not.toHaveProperty('wholeIn'); // only cut output is in a file
      expect(result.stderr).toContain('nosuchcommand: command not found');
    });

    test('exec ends with its own shell though a background child continues', async ({ client }) => {
      const { stdout } = await client.exec({ command: 'echo started; sleep 60 &' }, budget());
      expect(stdout).toBe('started\n');
    });

    test('exec over its time ends with 124; cut output is the first MiB of a file', async ({ client }) => {
      const result = await client.exec({ command: 'yes', timeoutMs: 300 }, budget());
      expect(result).toMatchObject({ exitCode: 124, timedOut: true });
      expect(result.stdout.length).toBe(1024 * 1024);
      expect(result.wholeIn).toEqual({ stdout: expect.stringMatching(/^\.corral\/output\//) });
      const file = await client.openFile(result.wholeIn?.stdout ?? '', budget());
      file.content.destroy();
      expect(file.size).toBeGreaterThan(1024 * 1024);
    });

    test('files are written, appended, read, listed and removed', async ({ client }) => {
      await client.writeFile('a/b/file.txt', 'one\n', budget());
      await client.writeFile(`${client.workdir}/a/b/file.txt`, 'two\n', budget(), { append: true });
      await client.writeFile('a/empty', new Uint8Array(), budget());
      expect(String(await client.readFile('a/b/file.txt', budget()))).toBe('one\ntwo\n');
      expect(String(await client.readFile('a/b/file.txt', budget(), { maxBytes: 5 }))).toBe('one\nt');
      expect((await client.readFile('a/empty', budget())).length).toBe(0);
      expect(await client.listFiles('a', budget())).toMatchObject([
        { name: 'b', type: 'directory', size: null },
        { name: 'empty', type: 'file', size: 0 },
      ]);
      await client.removeFile('a', budget());
      await expect(client.readFile('a/b/file.txt', budget())).rejects.toMatchObject({ code: 'file_not_found' });
    });

    test('any bytes come back as they went', async ({ client }) => {
      const content = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 31 + (at >> 8)) & 255));
      await client.writeFile('bytes', content, budget());
      expect(content.equals(await client.readFile('bytes', budget()))).toBe(true);
    });

    test('names are found by glob, lines by expression, relative to the workspace', async ({ client }) => {
      await client.writeFile('src/main.ts', 'const one = 1;\nconst two = 2;\n', budget());
      await client.writeFile('src/deep/other.js', 'two\n', budget());
      await client.writeFile('node_modules/x/skip.ts', 'two\n', budget());
      expect(await client.find('.', '*.ts', budget())).toEqual({ matches: ['src/main.ts'], truncated: false });
      const expected = { matches: ['src/deep/other.js'], truncated: false };
      expect(await client.find('src', 'deep/*.js', budget())).toEqual(expected);
      expect(await client.grep('.', 'two( =|$)', budget())).toEqual({
        matches: [
          { file: 'src/deep/other.js', line: 1, content: 'two' },
          { file: 'src/main.ts', line: 2, content: 'const two = 2;' },
        ],
        truncated: false,
      });
      expect((await client.grep('src/main.ts', 'one', budget())).matches).toHaveLength(1);
      await expect(client.grep('.', '(', budget())).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(client.grep('none', 'x', budget())).rejects.toMatchObject({ code: 'file_not_found' });
    });

    test('a search among some types of file skips the others before it counts', async ({ client }) => {
      await client.writeFile('.eslintrc.json', 'line\n', budget());
      await client.writeFile('a.txt', 'line\n'.repeat(1_001), budget());
      await client.writeFile('b.py', 'line\n', budget());
      const types = ['*.py', '*.json'];
      const expected = { matches: ['.eslintrc.json', 'b.py'], truncated: false };
      expect(await client.find('.', '*', budget(), { types })).toEqual(expected);
      const { matches, truncated } = await client.grep('.', 'line', budget(), { types });
      expect([matches.map(({ file }) => file).sort(), truncated]).toEqual([['.eslintrc.json', 'b.py'], false]);
    });

    test('grep accepts the plain characters of a POSIX expression', async ({ client }) => {
      await client.writeFile('a.c', 'int main() {\n  x[1] = 2;\n', budget());
      const found = async (regex: string) => (await client.grep('.', regex, budget())).matches.map(({ line }) => line);
      expect([await found('main\\(\\) {'), await found('x[[]1'), await found('^[^[]*$')]).toEqual([[1], [2], [1]]);
    });

    test('more than 1000 matches are cut and marked as cut', async ({ client }) => {
      await client.writeFile('many', 'line\n'.repeat(1_001), budget());
      const { matches, truncated } = await client.grep('.', 'line', budget());
      expect({ count: matches.length, truncated }).toEqual({ count: 1_000, truncated: true });
    });

    test.for(['../x', 'a/../../x', '/etc/passwd', '/proc/self/root/etc/passwd', '/dev/stdin', '/dev/zero'])(
      'F121 the path %s is outside for every call',
      async (path, { client }) => {
        const calls = [
          client.readFile(path, budget()),
          client.writeFile(path, 'x', budget()),
          client.listFiles(path, budget()),
          client.removeFile(path, budget()),
          client.find(path, '*', budget()),
          client.grep(path, 'x', budget()),
          client.start({ id: `out-${path.length}`, shell: 'main', command: 'true', cwd: path }, budget()),
        ];
        expect(await codesOf(calls)).toEqual(calls.map(() => 'path_outside'));
      },
    );

    test('F121 a path that only looks like an escape is a normal name, and NUL is refused', async ({ client }) => {
      for (const path of ['..%2fx', '..\\x', '...', '-rf', 'with space', 'ünï', 'a\nb', '%00']) {
        await client.writeFile(path, path, budget());
        expect(String(await client.readFile(path, budget()))).toBe(path);
      }
      await expect(client.readFile('a\0b', budget())).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(client.writeFile('', 'x', budget())).rejects.toMatchObject({ code: 'invalid_request' });
    });

    test('F122 odd names go there and back byte by byte; impossible ones are refused', async ({ client }) => {
      const names = [
        '😀'.repeat(63), // 252 bytes; the limit is 255
        'caf\u00e9',
        'cafe\u0301', // looks the same to people, but is another file
        'two\nlines\r\t',
        '-rf',
        '--help',
        'exe\u202egpj.txt',
        ' leading and trailing ',
        '$(touch x)`id`;&|"\'',
      ];
      for (const name of names) await client.writeFile(`odd/${name}`, name, budget());
      const listed = (await client.listFiles('odd', budget())).map(({ name }) => name);
      expect(listed.sort()).toEqual([...names].sort());
      for (const name of names) {
        expect(String(await client.readFile(`odd/${name}`, budget()))).toBe(name);
        await client.removeFile(`odd/${name}`, budget());
      }
      expect(await client.listFiles('odd', budget())).toEqual([]);
    });

    test('bad requests are refused by name', async ({ client }) => {
      const bad = [
        client.start({ id: '../x', shell: 'main', command: 'true' }, budget()),
        client.start({ id: 'x', shell: 'main', command: 'true\0' }, budget()),
        client.start({ id: 'x', shell: 'main', command: 'true', timeoutMs: -1 }, budget()),
        client.start({ id: 'x', shell: 'main', command: 'true', cwd: 'nowhere' }, budget()),
        client.killTagged('', budget()),
        client.readFile('.', budget()),
      ];
      expect(await codesOf(bad)).toEqual(bad.map(() => 'invalid_request'));
    });
  });
}
