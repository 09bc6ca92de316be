import { expect, test } from 'vitest';
import { facing, http } from '../../../support/facing.ts';

const soon = () => AbortSignal.timeout(60_000);

test('half an answer is a lost sandbox, not a crash', async () => {
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"half';
  const client = await facing((socket) => void socket.once('data', () => socket.end(answer)));
  await expect(client.exec({ command: 'true' }, soon())).rejects.toMatchObject({ code: 'sandbox_lost' });
  expect(client.trust.broken.aborted).toBe(false);
});

test('F035 an answer without end is dropped once it is larger than any good one, and memory with it', async () => {
  const chunk = Buffer.alloc(1 << 20, '"');
  let sent = 0;
  const client = await facing((socket) => {
    const pour = () => {
      for (let goesOn = true; goesOn && !socket.destroyed; sent += chunk.length) goesOn = socket.write(chunk);
    };
    const head = 'HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n';
    socket.on('drain', pour).once('data', () => void socket.write(head, pour));
  });
  const inTime = () => AbortSignal.timeout(60_000);
  const maxInFlight = 16 << 20;
  await expect(client.readFile('x', inTime(), { maxBytes: 10 })).rejects.toMatchObject({ code: 'sandbox_untrusted' });
  expect(sent).toBeLessThan(maxInFlight);
});

test('F035 an unknown error code becomes one that says nothing of the server, with a message cut short', async () => {
  const body = JSON.stringify({ error: { code: 'made_up', message: 'x'.repeat(5_000) } });
  const answer = `HTTP/1.1 400 X\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const client = await facing((socket) => void socket.once('data', () => socket.write(answer)));
  const failure = await client.write('main', 'x', soon()).catch((thrown) => thrown);
  expect(failure).toMatchObject({ code: 'sandbox_unavailable' });
  expect(failure.publicMessage).toHaveLength(1_000);
});

test('a call that changes nothing twice survives a daemon that comes back', async () => {
  const health = http(JSON.stringify({ version: '1', bootId: 'b', idleMs: 0, oomKills: 0 }));
  const client = await facing((socket, connection) => {
    socket.once('data', () => (connection === 1 ? socket.destroy() : socket.write(health)));
  });
  expect(await client.health(soon())).toMatchObject({ bootId: 'b' });
});

test.each([
  ['before the call', 0],
  ['during the call', 1],
  ['between two attempts', 1],
])('a sandbox that is gone %s is called %i times', async (when, calls) => {
  const gone = new AbortController();
  let sent = 0;
  const client = await facing((socket) => {
    socket.once('data', () => {
      sent++;
      if (when === 'during the call') return gone.abort();
      socket.once('close', () => gone.abort()).destroy();
    });
  }, gone.signal);
  if (when === 'before the call') gone.abort();
  await expect(client.workspace.print(soon())).rejects.toMatchObject({ code: 'sandbox_lost' });
  expect(sent).toBe(calls);
});

test('a command is never sent twice', async () => {
  let sent = 0;
  const client = await facing((socket) => {
    socket.once('data', () => {
      sent++;
      socket.destroy();
    });
  });
  await expect(client.exec({ command: 'true' }, soon())).rejects.toMatchObject({ code: 'sandbox_lost' });
  await expect(client.writeFile('x', 'y', soon(), { append: true })).rejects.toMatchObject({ code: 'sandbox_lost' });
  expect(sent).toBe(2);
});

test('a call ends with its signal, as cancelled or as too late', async () => {
  const client = await facing(() => {});
  const stop = new AbortController();
  const cancelled = client.view('main', stop.signal);
  stop.abort();
  await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
  await expect(client.view('main', AbortSignal.timeout(20))).rejects.toMatchObject({ code: 'deadline_exceeded' });
});

test('F096 output that comes in pieces over connections that break is delivered once, in order, without a gap', async () => {
  const whole = Buffer.from(Array.from({ length: 5_000 }, (_, n) => n % 251));
  const requests: number[] = [];
  const client = await facing((socket, connection) => {
    socket.once('data', (request) => {
      const from = Number(/from=(\d+)/.exec(String(request))?.[1]);
      requests.push(from);
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: corral-operation\r\n\r\n');
      const until = connection < 3 ? from + ((connection * 997) % 700) : whole.length;
      for (let at = from; at < until; at += 300) {
        const piece = whole.subarray(at, Math.min(at + 300, until));
        socket.write(Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]));
      }
      if (connection < 3) socket.end();
      else
        socket.end(
          `0\r\ncorral-operation: {"id":"o","state":"exited","exitCode":0,"bytes":${whole.length},"spool":"o.log","pid":1,"startedAt":1}\r\n\r\n`,
        );
    });
  });
  const got: Uint8Array[] = [];
  const ended = await client.follow('o', 0, (chunk) => got.push(chunk), AbortSignal.timeout(60_000));
  expect(ended).toMatchObject({ exitCode: 0 });
  expect(Buffer.concat(got).equals(whole)).toBe(true);
  expect([requests.length, requests]).toEqual([3, requests.toSorted((a, b) => a - b)]);
});

test.each([
  ['2024-01-15T10:30:00Z', '2024-01-15T10:30:00.000Z'],
  ['15 Jan 2024 10:30:00 GMT', '2024-01-15T10:30:00.000Z'],
  ['+275760-09-13T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
  ['-000001-01-01T00:00:00.000Z', '0000-01-01T00:00:00.000Z'],
])('the time %s of a file is read as %s', async (modified, read) => {
  const client = await facing((socket) => {
    socket.on('data', () => socket.write(http(JSON.stringify([{ name: 'a', type: 'file', size: 1, modified }]))));
  });
  expect(await client.listFiles('.', soon())).toMatchObject([{ modified: read }]);
});

test('a file whose name no workspace can hold is in no list and no match', async () => {
  const lies = ['../../tmp/evil.sh', '/etc/cron.d/evil', '..', '.', '', 'a\0b', 'x'.repeat(256)];
  const names = [...lies, 'a.txt', '..\\evil.bat', 'two\nlines'];
  const answers = [
    names.map((name) => ({ name, type: 'file', size: 1, modified: new Date(0).toISOString() })),
    { matches: [...names, 'sub/a.txt'], truncated: false },
    { matches: names.map((file) => ({ file, line: 1, content: '' })), truncated: true },
  ];
  const client = await facing((socket) => {
    socket.on('data', () => socket.write(http(JSON.stringify(answers.shift()))));
  });
  const good = names.slice(lies.length);
  expect((await client.listFiles('.', soon())).map(({ name }) => name)).toEqual(good);
  expect(await client.find('.', '*', soon())).toEqual({ matches: [...good, 'sub/a.txt'], truncated: false });
  const { matches, truncated } = await client.grep('.', 'x', soon());
  expect([matches.map(({ file }) => file), truncated]).toEqual([good, true]);
});

test('calls that can last, however many, leave connections to others', async () => {
  let lasting = 0;
  const client = await facing((socket) => {
    socket.once('data', (requested: Buffer) => {
      if (requested.includes('POST /exec')) lasting++;
      else socket.write(http('[]'));
    });
  });
  const stop = new AbortController();
  const all = Array.from({ length: 100 }, () => client.exec({ command: 'true' }, stop.signal).catch(() => {}));
  await expect.poll(() => lasting).toBe(64);
  expect(await client.jobs.list(soon())).toEqual([]);
  stop.abort();
  await Promise.all(all);
  expect(lasting).toBe(64);
});
