import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { type Box, Corral, CorralError, type Event } from '../../../src/client/index.ts';
import { fence } from '../../support/clients/api.ts';
import { careful, test } from '../../support/fixtures.ts';
import { docker } from '../../support/sandboxes/docker.ts';
import { eachNeeds, needs } from '../../support/servers/components.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

let corral: Corral;
let box: Box;
eachNeeds('bubblewrap');
test.beforeEach(({ crew }) => ({ corral, box } = crew));

async function* pieces(count: number, size: number) {
  for (let n = 0; n < count; n++) yield new Uint8Array(size).fill(n);
}

describe('create', () => {
  test('puts files into the workspace and gives each command its variables', async () => {
    const made = await corral.create({ files: { 'in/a.txt': 'one' }, env: { WORD: 'two' }, template: 'minimal' });
    const { stdout } = await made.exec('cat in/a.txt; echo "$WORD$MORE"', { env: { MORE: 'three' } });
    expect([stdout, (await made.session()).template]).toEqual(['onetwothree\n', 'minimal']);
    expect(await made.attach({ 'b.txt': 'b' })).toEqual(['b.txt']);
    await made.remove();
  });

  test('leaving the block deletes the session, unless it is to be kept or is only opened', async () => {
    const ids = await (async () => {
      await using own = await corral.create();
      await using kept = await corral.create({ keep: true });
      await using gone = await corral.create();
      await using opened = await corral.open(kept.id);
      await gone.remove();
      return { own: own.id, kept: opened.id };
    })();
    await expect(corral.open(ids.own)).rejects.toMatchObject({ code: 'session_not_found' });
    await (await corral.open(ids.kept)).remove();
  });
});

test('a box is made once by its name, found, renamed, and forgotten without it', {
  tags: ['all'],
}, async ({ crew: { token } }) => {
  const opened = await Promise.all(
    Array.from({ length: 4 }, () => corral.box('build-cache', { metadata: { of: 'names' } })),
  );
  const [one] = opened as [Box];
  expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
  expect((await Array.fromAsync(corral.list({ metadata: { of: 'names' } }))).map(({ name }) => name)).toEqual([
    'build-cache',
  ]);
  {
    await using again = await Corral.box('build-cache', { url: corral.address, token });
    await again.exec('echo kept > note.txt');
    await again.stop();
  }
  const resumed = await corral.box('build-cache');
  expect((await resumed.exec('cat note.txt')).stdout).toBe('kept\n'); // it runs again, although a person stopped it
  await using other = await corral.create();
  await expect(other.rename('build-cache')).rejects.toMatchObject({ code: 'conflict' });
  await one.rename('old-cache');
  await other.rename('build-cache');
  expect([(await corral.box('build-cache')).id, (await corral.box('old-cache')).id]).toEqual([other.id, one.id]);
  const at = (name: string) => corral.fetch(`/api/v1/boxes/${name}`);
  await one.rename(null);
  expect([(await at('build-cache')).status, (await at('old-cache')).status]).toEqual([200, 404]);
  for (const name of ['Big', '../etc', 'last', '0123456789abcdef', 'a'.repeat(64)])
    await expect(corral.box(name)).rejects.toMatchObject({ code: 'invalid_request' });
  await one.remove();
});

test('notes that outlive sessions are written, undone and redacted', async () => {
  const memory = corral.memory();
  await memory.write('build.md', 'make', { expect: 0 });
  await expect(memory.write('build.md', 'mine', { expect: 0 })).rejects.toMatchObject({ code: 'conflict' });
  await memory.write('build.md', 'make test');
  await memory.undo('build.md');
  await memory.redact('build.md', 2);
  expect((await memory.history('build.md')).map(({ text }) => text)).toEqual(['make', null, 'make']);
  expect(await memory.read('build.md', { version: 1 })).toMatchObject({ text: 'make', version: 1 });
  await memory.delete('build.md');
  expect([await memory.list(), (await memory.list({ deleted: true })).length]).toEqual([[], 1]);
  await expect(memory.read('build.md')).rejects.toMatchObject({ code: 'not_found' });
  await expect(corral.memory({ project: 'none' }).list()).rejects.toMatchObject({ code: 'not_found' });
});

describe('limits', () => {
  test('a box is found by its metadata, and its end can be moved and comes by itself', async () => {
    const made = await corral.create({ lifetime: 3600, idleTimeout: 60, metadata: { user: 'ada', n: '1' } });
    const other = await corral.create({ metadata: { user: 'ada', n: '2' } });
    const found = async (metadata: Record<string, string>) => {
      const ids: string[] = [];
      for await (const { id } of corral.list({ metadata, limit: 1 })) ids.push(id);
      return ids.sort();
    };
    expect(await found({ user: 'ada' })).toEqual([made.id, other.id].sort());
    expect(await found({ user: 'ada', n: '1' })).toEqual([made.id]);
    const rest = await corral.fetch('/api/v1/sessions?metadata=user=ada&metadata=n=2');
    expect(await rest.json()).toMatchObject({ data: { sessions: [{ session_id: other.id }] } });
    const { endsAt, metadata } = await made.session();
    expect([Date.parse(endsAt ?? '') > Date.now(), metadata]).toEqual([true, { user: 'ada', n: '1' }]);
    await made.setLifetime(7_200);
    expect(((await made.session()).endsAt ?? '') > (endsAt ?? '')).toBe(true);
    await made.setLifetime(null);
    expect((await made.session()).endsAt).toBeNull();
    await made.setLifetime(1);
    await expect.poll(() => found({ user: 'ada' })).toEqual([other.id]);
    await other.remove();
  });

  test('beyond those of the server are refused by name, and nothing is made', async () => {
    const count = async () => (await corral.api.sessions.list.query()).items.length;
    const before = await count();
    for (const [choice, name] of [
      [{ size: { memory: '100GiB' } }, 'size.memory'],
      [{ idleTimeout: 30_000 }, 'idleSeconds'],
      [{ egress: ['http://a.example/'] }, 'egress'],
      [{ lifetime: 0 }, 'lifetimeSeconds'],
    ] as const) {
      await expect(corral.create(choice)).rejects.toMatchObject({ message: expect.stringContaining(name) });
    }
    const put = (body: object) => corral.fetch('/api/v1/sessions', { method: 'PUT', body: JSON.stringify(body) });
    expect((await put({ egress: 'all' })).status).toBe(400);
    expect(await count()).toBe(before);
  });
});

test('on Docker a box has its size and reaches only what it chose', { tags: ['nightly'] }, async ({ skip }) => {
  await needs({ skip }, 'docker');
  const settings = { CORRAL_DRIVER: 'docker', CORRAL_EGRESS_POLICY: 'web', CORRAL_SANDBOX_MAX_MEMORY: '2GiB' };
  await using own = await serverProcess(settings);
  const size = { memory: '1536MiB', cpus: 0.5 };
  await using made = await Corral.create({ url: own.url, size, egress: ['chosen.invalid'] });
  const statusOf = async (host: string) =>
    (await made.exec(`curl -sS -o /dev/null -w '%{http_code}' http://${host}/ || true`)).stdout;
  expect(await Promise.all([statusOf('other.invalid'), statusOf('chosen.invalid')])).toEqual(['403', '502']); // refused; allowed, though nobody has that name
  const [container = ''] = (await docker('ps', '-q', '--filter', `label=corral.session=${made.id}`)).split('\n');
  const limits = await docker('inspect', '-f', '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}', container);
  expect(limits).toBe(`${1536 * 2 ** 20} 500000000`);
});

describe('exec', () => {
  test('gives each output as it is written, and the exit code', async () => {
    const received: string[] = [];
    const command = 'echo one; read line; echo "two $line" >&2; exit 3';
    const answered = Promise.withResolvers<void>();
    const stdin = (async function* () {
      await answered.promise; // comes only after the first output was received
      yield new TextEncoder().encode('more\n');
    })();
    const ended = await box.exec(command, {
      stdin,
      onStdout(text) {
        received.push(`out ${text}`);
        answered.resolve();
      },
      onStderr: (text) => void received.push(`err ${text}`),
    });
    expect(received).toEqual(['out one\n', 'err two more\n']);
    expect(ended).toEqual({ exitCode: 3, timedOut: false, stdout: 'one\n', stderr: 'two more\n', truncated: false });
  });

  test('streams 50 MB to a slow reader, and the result keeps as much as was requested', async () => {
    let bytes = 0;
    const ended = await box.exec('head -c 50000000 /dev/zero | tr "\\0" x', {
      keep: 10,
      async onStdout(text) {
        bytes += text.length;
        await new Promise(setImmediate); // it continues to read only in the next turn of the event loop
      },
    });
    expect([bytes, ended.stdout, ended.truncated]).toEqual([50_000_000, 'xxxxxxxxxx', true]);
  });

  test('ends its command when the signal fires', async () => {
    const stop = new AbortController();
    const ended = box.exec('echo begun; sleep 600; echo over', { signal: stop.signal, onStdout: () => stop.abort() });
    await expect(ended).rejects.toMatchObject({ name: 'AbortError' });
    const sleeping = async () => (await box.exec("pgrep -f '^sleep 60[0]'")).stdout;
    await expect.poll(sleeping).toBe('');
  });
});

test('files are written and read as text, as bytes and as streams', async () => {
  await box.files.write('notes/a.txt', 'häi\n');
  expect(await box.files.read('notes/a.txt')).toBe('häi\n');
  expect(await box.files.bytes('notes/a.txt')).toEqual(new TextEncoder().encode('häi\n'));
  expect(await box.files.write('big.bin', pieces(100, 100_000))).toMatchObject({ size: 10_000_000 });
  const { size, body } = await box.files.stream('big.bin');
  const [here, there] = [createHash('sha256'), createHash('sha256')];
  for await (const piece of body as unknown as AsyncIterable<Uint8Array>) there.update(piece);
  for await (const piece of pieces(100, 100_000)) here.update(piece);
  expect([size, there.digest('hex')]).toEqual([10_000_000, here.digest('hex')]);
  expect((await box.files.list('notes')).map(({ name }) => name)).toEqual(['a.txt']);
  await box.files.remove('notes/a.txt');
  await expect(box.files.read('notes/a.txt')).rejects.toMatchObject({ code: 'not_found' });
});

test('a watch tells every change after it began, and ends with the loop', async () => {
  await box.files.write('watched/old.txt', 'old');
  const changes = await box.files.watch('watched');
  await box.exec(
    'echo new > watched/new.txt; mkdir watched/sub; sleep 0.2; echo x > watched/sub/x; rm watched/old.txt',
  );
  const seen = new Set<string>();
  for await (const { type, name } of changes) {
    seen.add(`${type} ${name}`);
    if (seen.has('remove old.txt')) break;
  }
  expect([...seen]).toEqual(
    expect.arrayContaining(['create new.txt', 'write new.txt', 'create sub', 'create sub/x', 'remove old.txt']),
  );
  await expect(box.files.watch('../..')).rejects.toMatchObject({ address: corral.address });
});

test('terminal is read by iteration, and stays when its reader leaves', async () => {
  const terminal = await box.terminal();
  await terminal.write('echo $((40 + 2)); KEPT=kept\r');
  let seen = '';
  for await (const bytes of terminal) {
    seen += new TextDecoder().decode(bytes);
    if (/[\r\n]42\r/.test(seen)) break;
  }
  expect(await terminal.ended).toBe('detached');
  let again = '';
  const same = await box.terminal({
    id: terminal.id,
    onData(bytes) {
      again += new TextDecoder().decode(bytes);
    },
  });
  await same.write('echo "still $KEPT"; exit\r');
  expect(await same.ended).toBe('exited');
  expect(again).toContain('still kept');
});

describe('run', () => {
  test('gives its events in order to a reader that is slower than they come, and its result', async () => {
    const run = await box.run(fence('sh', 'seq 3'));
    const events: Event[] = [];
    for await (const event of run) {
      events.push(event);
      await new Promise(setImmediate);
    }
    expect(events.at(-1)).toMatchObject({ type: 'run.end', data: { status: 'completed' } });
    const [first] = events;
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, n) => (first?.seq ?? 0) + n));
    expect(await run.result()).toMatchObject({ status: 'completed', reason: 'completed' });
  });

  test('waits for an answer', async () => {
    const run = await box.run(fence('ask', 'Which colour?'));
    const messages: string[] = [];
    for await (const event of run) {
      if (event.type === 'run.wait') await run.answer('blue');
      if (event.type === 'message.user') messages.push(event.data.text);
    }
    expect(messages.at(-1)).toBe('blue');
    expect(await run.result()).toMatchObject({ status: 'completed', reason: 'completed' });
  });

  test('waits for an approval', async () => {
    await using asking = await corral.create({ template: careful });
    const run = await asking.run(fence('file:approved.txt', 'yes'));
    for await (const event of run) if (event.type === 'approval.requested') await run.approve(event.data.callId);
    expect(await asking.files.read('approved.txt')).toContain('yes');
  });

  test('says why it failed', async () => {
    const run = await box.run(fence('fail', 'the model is out'));
    expect(await run.result()).toMatchObject({ status: 'failed', error: expect.stringContaining('the model is out') });
  });
});

test('a refusal has a code, a hint where one helps, and the address', async () => {
  const expected = { name: 'CorralError', code: 'session_not_found', address: corral.address };
  await expect(corral.open('ffffffffffffffff')).rejects.toMatchObject(expected);
  const url = `http://127.0.0.1:${await freePort()}`;
  const nobody = await Corral.create({ url }).catch((error: unknown) => error);
  expect(nobody).toBeInstanceOf(CorralError);
  expect(nobody).toMatchObject({ code: 'unreachable', address: url, retryable: true });
  expect((nobody as CorralError).message).toContain(`No Corral server answers at ${url} (ECONNREFUSED).`);
});

test('a run is followed through a restart of the server, and no event comes twice', { tags: ['all'] }, async () => {
  using folder = temporaryFolder();
  const input = { PORT: String(await freePort()) };
  await using stack = new AsyncDisposableStack();
  const first = await composedServer(input, folder.path);
  const own = await Corral.create({ url: first.url });
  const run = await own.run(fence('ask', 'Which colour?'));
  const seqs: number[] = [];
  for await (const { seq, type } of run) {
    seqs.push(seq);
    if (type !== 'run.wait') continue;
    await first[Symbol.asyncDispose]();
    stack.use(await composedServer(input, folder.path));
    await run.answer('blue');
  }
  expect([seqs, (await run.result()).status]).toEqual([seqs.map((_, n) => (seqs[0] ?? 0) + n), 'completed']);
});
