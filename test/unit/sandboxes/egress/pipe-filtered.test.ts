import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { pipeFiltered, type StreamFilter } from '../../../../src/sandboxes/egress/pipe-filtered.ts';

const all: StreamFilter = { pass: (chunk) => chunk, rest: () => Buffer.alloc(0) };

/** A stream that counts its writes, each of one or several chunks. `take` lets the next one end. */
function counting() {
  const writes: Buffer[] = [];
  let pending: (() => void) | undefined;
  const to = new Writable({
    highWaterMark: 1,
    writev(chunks, done) {
      writes.push(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)));
      pending = done;
    },
  });
  const take = () => {
    const done = pending;
    pending = undefined; // `done` can begin the next write at once
    done?.();
  };
  return { to, writes, take };
}

test('what comes in one turn leaves with one write, in order, and the rest follows at the end', async () => {
  const from = new PassThrough();
  const { to, writes, take } = counting();
  pipeFiltered(from, to, { ...all, rest: () => Buffer.from('!') });
  for (const text of ['a', 'b', 'c']) from.write(text);
  await turn();
  await turn();
  expect(writes.map(String)).toEqual(['abc']);
  take();
  from.end('d');
  await turn();
  await turn();
  take();
  await turn();
  expect(writes.map(String).join('')).toBe('abcd!');
});

test('a reader that takes nothing holds the source at 256 KiB, and gets everything once it reads', async () => {
  const from = new PassThrough();
  const { to, writes, take } = counting();
  pipeFiltered(from, to, all);
  let sent = 0;
  while (sent < 3_000_000 && !from.isPaused()) {
    from.write(Buffer.alloc(16_384, sent / 16_384));
    sent += 16_384;
    await turn();
  }
  expect(to.writableLength).toBeLessThan(300_000);
  expect(sent).toBeLessThan(400_000);
  const slow = setInterval(take, 1);
  from.end();
  await finished(to);
  clearInterval(slow);
  expect(Buffer.concat(writes).filter((byte, at) => byte === Math.floor(at / 16_384)).length).toBe(sent);
});

test('the last chunk of an answer and its end come in one turn, and the answer is whole', async () => {
  const from = new PassThrough();
  const server = createServer((_req, res) => pipeFiltered(from, res, all)).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  from.write('first, ');
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const reader = answer.body?.getReader();
  expect(Buffer.from((await reader?.read())?.value ?? '').toString()).toBe('first, ');
  from.end('last');
  let rest = '';
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) rest += Buffer.from(part.value);
  expect(rest).toBe('last');
});

test('nothing is written once the receiver is gone', async () => {
  const from = new PassThrough();
  const { to, writes } = counting();
  const failed: unknown[] = [];
  to.on('error', (error) => failed.push(error));
  pipeFiltered(from, to, all);
  to.destroy();
  from.end('a');
  await turn();
  await turn();
  expect([writes, failed]).toEqual([[], []]);
});
