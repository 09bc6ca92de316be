import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { Readable } from 'node:stream';
import { expect, onTestFinished } from 'vitest';
import type { FileChange, JobSpec } from '../../../src/sandboxes/client/abilities.ts';
import type { SandboxClient } from '../../../src/sandboxes/client/client.ts';
import { openedSandboxd, realSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { budget, clientTest, codesOf, recordingReader } from './sandboxd.ts';

const test = clientTest(() => realSandboxd());
async function reading(client: SandboxClient, id: string) {
  const { reply, reader } = recordingReader();
  return { reply, ...(await client.jobs.attach(id, reader, budget())) };
}
const start = (client: SandboxClient, job: Omit<JobSpec, 'id'>, id = 'j') =>
  client.jobs.start({ id, ...job }, budget());

test('a job keeps output and errors apart, takes input late, and tells its exit code', async ({ client }) => {
  const entry = await start(client, { argv: ['bash', '-c', 'read a; echo "$a"; echo no >&2; exit 3'] });
  expect(entry.pid).toBeGreaterThan(1);
  const { reply, ended } = await reading(client, 'j');
  await client.jobs.write('j', Buffer.from('yes\n'), budget());
  expect([await ended, reply]).toEqual([{ exitCode: 3 }, { output: 'yes\n', errors: 'no\n' }]);
});

test('several readers get the same, and a late one what comes after it', async ({ client }) => {
  await start(client, { argv: ['bash', '-c', 'echo one; read a; echo two'] });
  const [first, second] = [await reading(client, 'j'), await reading(client, 'j')];
  await expect.poll(() => first.reply.output).toBe('one\n');
  const late = await reading(client, 'j');
  await client.jobs.write('j', Buffer.from('\n'), budget());
  await Promise.all([first.ended, second.ended, late.ended]);
  expect([first.reply.output, late.reply.output]).toEqual(['one\ntwo\n', 'two\n']);
  expect(second.reply.output).toMatch(/two\n$/);
  const afterwards = await reading(client, 'j');
  expect([await afterwards.ended, afterwards.reply.output]).toEqual([{ exitCode: 0 }, '']);
});

test('a killed job takes its tree along, and its pid is gone when the kill answers', async ({ client }) => {
  const script = 'setsid sleep 921 & trap "" TERM; sleep 922; sleep 923';
  const { pid } = await start(client, { argv: ['bash', '-c', script] });
  const stream = await reading(client, 'j');
  const asleep = async () => (await client.processes(budget())).filter(({ cmd }) => /^sleep 92/.test(cmd)).length;
  await expect.poll(asleep).toBe(2);
  await client.jobs.signal(String(pid), 'SIGKILL', budget());
  expect((await client.exec({ command: `kill -0 ${pid}` }, budget())).exitCode).toBe(1);
  expect([await asleep(), await stream.ended]).toEqual([0, { exitCode: -1, signal: 'SIGKILL' }]);
  await expect(client.jobs.signal('j', 'SIGKILL', budget())).rejects.toMatchObject({ code: 'not_found' });
});

test('a job on a terminal has its size, sees resizing and takes keys', async ({ client }) => {
  const shell = { argv: ['bash', '--norc', '-i'], env: ['TERM=xterm', 'PS1=> '] };
  await start(client, { ...shell, terminal: { cols: 91, rows: 17 } });
  const { reply, ended } = await reading(client, 'j');
  const type = (text: string) => client.jobs.write('j', Buffer.from(text), budget());
  await type('stty size; echo $$\n');
  await expect.poll(() => reply.output).toContain('17 91');
  const [entry] = await client.jobs.list(budget());
  await expect.poll(() => reply.output).toContain(String(entry?.pid));
  await client.jobs.resize('j', { cols: 100, rows: 40 }, budget());
  await type('stty size\n');
  await expect.poll(() => reply.output).toContain('40 100');
  await type('exit 5\n');
  expect(await ended).toEqual({ exitCode: 5 });
});

/** How much the job `head` has written so far. */
async function writtenBy(pid: number): Promise<number> {
  return Number(/^wchar: (\d+)/m.exec(await readFile(`/proc/${pid}/io`, 'latin1'))?.[1]);
}

test('a reader that stops holds a job of 100 MB back, and then gets all of it', async ({ client }) => {
  const [first, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let bytes = 0;
  const { pid } = await start(client, { argv: ['head', '-c', '100000000', '/dev/zero'] });
  const onOutput = async (chunk: Buffer) => {
    first.resolve();
    await go.promise;
    bytes += chunk.length;
  };
  const { ended } = await client.jobs.attach('j', { onOutput, onErrors: () => {} }, budget());
  await first.promise;
  const written = [0, -1];
  const isStill = async () => {
    written.push(await writtenBy(pid));
    return written.at(-1) === written.at(-2);
  };
  await expect.poll(isStill, { interval: 200 }).toBe(true);
  expect(written.at(-1)).toBeLessThan(100_000_000);
  expect(await client.jobs.list(budget())).toEqual([expect.not.objectContaining({ exitCode: 0 })]);
  go.resolve();
  expect([await ended, bytes]).toEqual([{ exitCode: 0 }, 100_000_000]);
});

test('what is wrong with a job has its own code', async ({ client }) => {
  expect(
    await codesOf([
      start(client, { argv: ['/no/such/program'] }),
      start(client, { argv: ['true'], cwd: '/no/folder' }, 'k'),
      client.jobs.attach('none', { onOutput: () => {}, onErrors: () => {} }, budget()),
      client.jobs.resize('none', { cols: 1, rows: 1 }, budget()),
    ]),
  ).toEqual(['file_not_found', 'invalid_request', 'not_found', 'not_found']);
});

test('files at any path are written, read in parts, listed, moved and removed', async ({ client }) => {
  const { stdout } = await client.exec({ command: 'mktemp -d' }, budget());
  const root = stdout.trim();
  onTestFinished(() => client.paths.remove(root, budget()).catch(() => {}));
  const block = Buffer.alloc(1_000_000, 'abcdefg');
  async function* content() {
    for (let n = 0; n < 60; n++) yield block;
  }
  const written = await client.paths.write(`${root}/a/b.bin`, content(), budget());
  const file = { name: 'b.bin', path: `${root}/a/b.bin`, type: 'file', size: 60_000_000, mode: 0o644 };
  expect(written).toMatchObject(file);
  const whole = await client.paths.open(`${root}/a/b.bin`, budget());
  const hash = createHash('sha256');
  for await (const chunk of whole.content) hash.update(chunk);
  const expected = createHash('sha256');
  for (let n = 0; n < 60; n++) expected.update(block);
  expect(hash.digest('hex')).toBe(expected.digest('hex'));
  const part = await client.paths.open(`${root}/a/b.bin`, budget(), { from: 7, most: 10 });
  expect(Buffer.concat(await part.content.toArray()).toString()).toBe('abcdefgabc');
  await client.exec({ command: `cd ${root} && ln -s a link && ln -s nowhere broken && mkdir a/c` }, budget());
  const listed = await client.paths.list(root, { depth: 2 }, budget());
  expect(listed.map(({ path, type }) => `${type} ${path.slice(root.length + 1)}`)).toEqual([
    ...['directory a', 'file a/b.bin', 'directory a/c', 'broken broken', 'directory link'],
  ]);
  expect(await client.paths.stat(`${root}/link`, budget())).toMatchObject({ isLink: true, target: `${root}/a` });
  expect((await client.paths.move(`${root}/a/b.bin`, `${root}/x/y`, budget())).path).toBe(`${root}/x/y`);
  await client.paths.makeFolder(`${root}/new/deep`, budget());
  expect(
    await codesOf([
      client.paths.makeFolder(`${root}/new`, budget()),
      client.paths.makeFolder(`${root}/x/y`, budget()),
      client.paths.stat(`${root}/none`, budget()),
      client.paths.stat('/proc/self/environ', budget()),
      client.paths.stat('~other/x', budget()),
    ]),
  ).toEqual(['conflict', 'invalid_request', 'file_not_found', 'file_not_found', 'invalid_request']);
});

test('a file of the system that says it is empty is read by its content', async ({ client }) => {
  const read = async (part?: { from: number; most: number }) => {
    const { size, content } = await client.paths.open('/proc/version', budget(), part);
    const text = Buffer.concat(await content.toArray()).toString();
    expect(size).toBe(text.length);
    return text;
  };
  expect(await read()).toMatch(/^Linux version .*\n$/);
  expect(await read({ from: 6, most: 7 })).toBe('version');
});

/** Follows a watch until every named change was seen. */
async function watching(client: SandboxClient, options: { recursive?: boolean; entries?: boolean } = {}) {
  const { id } = await client.watches.open({ path: '.', ...options }, budget());
  const seen: FileChange[] = [];
  const left = new AbortController();
  onTestFinished(() => left.abort());
  void client.watches.follow(id, (change) => void seen.push(change), left.signal).catch(() => {});
  const names = () => seen.map(({ type, name }) => `${type} ${name}`);
  return { id, seen, names };
}
const sh = (client: SandboxClient, command: string) => client.exec({ command }, budget());

test('a watch tells what was made, written, renamed, changed in its mode and removed', async ({ client }) => {
  const { names, seen } = await watching(client, { entries: true });
  await sh(client, 'echo hi > a; mv a b; chmod 600 b; rm b');
  await expect.poll(names).toEqual(['create a', 'write a', 'rename a', 'create b', 'chmod b', 'remove b']);
  expect(seen.at(-1)).not.toHaveProperty('entry');
});

test('a new file that is written at a path is made, has its mode set, and is written', async ({ client }) => {
  const { names } = await watching(client);
  const { stdout } = await sh(client, 'pwd -P');
  const write = (text: string) =>
    client.paths.write(`${stdout.trim()}/a`, Readable.from([Buffer.from(text)]), budget());
  await write('one');
  await expect.poll(names).toEqual(['create a', 'chmod a', 'write a']);
  await write('two');
  await expect.poll(() => names().length).toBeGreaterThan(3);
  expect(new Set(names().slice(3))).toEqual(new Set(['write a']));
});

test('a recursive watch tells each thing of a new folder once', async ({ client }) => {
  const { names } = await watching(client, { recursive: true });
  await sh(client, 'mkdir -p x/y/z && touch x/y/z/f');
  await expect.poll(names).toContain('create x/y/z/f');
  await sh(client, 'touch x/y/g');
  await expect.poll(names).toContain('create x/y/g');
  await sh(client, 'mv x q && touch q/y/h');
  await expect.poll(names).toContain('create q/y/h');
  const created = names().filter((it) => it.startsWith('create'));
  expect(created.map((it) => it.slice('create '.length)).sort()).toEqual([
    ...['q', 'q/y/h', 'x', 'x/y', 'x/y/g', 'x/y/z', 'x/y/z/f'],
  ]);
});

test('a watch that is polled keeps the newest 10,000 changes and says so', { tags: ['all'] }, async ({ client }) => {
  const { id } = await client.watches.open({ path: '.' }, budget());
  const second = await client.watches.open({ path: '.' }, budget());
  const churn =
    'const fs = require("fs"); const make = (name) => fs.closeSync(fs.openSync(String(name), "w")); ' +
    'for (let n = 0; n < 8000; n++) { make(n); fs.unlinkSync(String(n)); } make("last");';
  await client.exec({ command: 'cat | node -', stdin: churn }, budget());
  // The first watch gets each change before the second, and nobody reads it in the meantime.
  const seenLast = async () =>
    (await client.watches.changes(second.id, budget())).changes.some(({ name }) => name === 'last');
  await expect.poll(seenLast).toBe(true);
  const all: FileChange[] = [];
  for (let more = true; more; ) {
    const answer = await client.watches.changes(id, budget());
    all.push(...answer.changes);
    more = answer.more;
  }
  expect(all.length).toBeLessThanOrEqual(10_000);
  expect([all[0]?.type, all.some(({ name }) => name === 'last')]).toEqual(['lost', true]);
  await client.watches.close(id, budget());
  await expect(client.watches.changes(id, budget())).rejects.toMatchObject({ code: 'not_found' });
});

test('1,000 watches are open at once, and one more is refused', async ({ client }) => {
  await sh(client, 'seq 1001 | xargs mkdir');
  for (let n = 1; n <= 1_000; n += 50)
    await Promise.all(Array.from({ length: 50 }, (_, at) => client.watches.open({ path: String(n + at) }, budget())));
  await expect(client.watches.open({ path: '1001' }, budget())).rejects.toMatchObject({ code: 'conflict' });
  expect(await codesOf([client.watches.open({ path: 'none' }, budget())])).toEqual(['conflict']);
});

test('a watch of what is no folder is refused', async ({ client }) => {
  await sh(client, 'touch file');
  const open = (path: string) => client.watches.open({ path }, budget());
  expect(await codesOf([open('none'), open('file')])).toEqual(['file_not_found', 'invalid_request']);
});

const isThere = (host: string) =>
  Object.values(networkInterfaces()).some((all) => all?.some((it) => it.address === host));
test.for(['127.0.0.1', '::1'].filter(isThere))(
  'a port on %s answers; a closed one is not found',
  async (host, { client }) => {
    const server = createServer((_request, response) => response.end('from inside'));
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const stream = await client.ports.connect(port, budget());
    stream.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    let received = '';
    for await (const chunk of stream) received += chunk;
    expect(received).toContain('from inside');
    server.close();
    await expect.poll(() => codesOf([client.ports.connect(port, budget())])).toEqual(['not_found']);
  },
);

test('the port of the way out is refused, though it listens', async () => {
  const forwarder = await freePort();
  const daemon = await openedSandboxd({ CORRAL_EGRESS_PORT: String(forwarder) });
  expect(await codesOf([daemon.client.ports.connect(forwarder, budget())])).toEqual(['invalid_request']);
});
