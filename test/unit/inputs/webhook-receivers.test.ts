import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createGuardedFetch } from '../../../src/sandboxes/egress/fetch/guarded-fetch.ts';
import { begin, spec, startFact, webhookWorld } from '../../support/automations/webhook-world.ts';

// Receivers that answer in ways of their own, and what becomes of a delivery.

const head = (status: string, ...headers: string[]) => [`HTTP/1.1 ${status}`, ...headers, '', ''].join('\r\n');
const empty = (status: string, ...headers: string[]) => head(status, ...headers, 'content-length: 0');
const whole = empty('200 OK');
const chunked = head('200 OK', 'transfer-encoding: chunked');
const delivered = (statusCode = 200) => ({ state: 'delivered', statusCode, error: '' });
const again = (statusCode: number | null, error: unknown, afterMs = 5_000) => ({
  ...{ state: 'pending', statusCode, nextAt: begin + afterMs },
  error: expect.stringMatching(error as string),
});

/** The bytes that answer a request, and the delivery after it. `hangs`: the connection stays open, until the deadline. */
const rows: Record<string, [answer: string | ((socket: Socket) => void), outcome: object, hangs?: 'hangs']> = {
  '200': [whole, delivered()],
  '299': [empty('299 Fine'), delivered(299)],
  '204 with a length': [head('204 No Content', 'content-length: 5'), delivered(204)],
  'old HTTP': ['HTTP/1.0 200 OK\r\n\r\nthanks', delivered()],
  'early hints first': [head('103 Early Hints', 'link: </a>') + head('102 Processing') + whole, delivered()],
  'a body that never ends': [`${chunked}1\r\na\r\n`, delivered(), 'hangs'],
  'a body that is cut': [`${head('200 OK', 'content-length: 100')}half`, delivered()],
  'a chunk that is no chunk': [`${chunked}zz\r\n`, delivered()],
  'a huge body': [`${chunked}20000\r\n${'a'.repeat(0x20000)}\r\n`, delivered(), 'hangs'],
  'a compressed body that is none': [
    `${head('200 OK', 'content-encoding: gzip', 'content-length: 4')}text`,
    delivered(),
  ],
  '500 with a body that never ends': [`${head('500 Oops', 'transfer-encoding: chunked')}`, again(500, '500'), 'hangs'],
  '101 without a request for it': [
    head('101 Switching', 'upgrade: x', 'connection: upgrade'),
    again(null, 'interrupted'),
  ],
  '304': [head('304 Not Modified'), again(304, '^It answered 304\\.$')],
  '300 without an address': [empty('300 Choose'), again(300, '^It answered 300\\.$')],
  'a redirect': [
    empty('308 Moved', 'location: /new'),
    again(308, 'a redirect to http://127\\.0\\.0\\.1:\\d+/new\\. Redirects are not followed'),
  ],
  'a redirect to nowhere': [empty('302 Moved', 'location: http://['), again(302, 'a redirect to http')],
  '410': [empty('410 Gone'), { state: 'failed', statusCode: 410 }],
  '429 with seconds': [empty('429 Slow', 'retry-after: 90'), again(429, '429', 90_000)],
  '429 with fewer seconds than the usual pause': [empty('429 Slow', 'retry-after: 1'), again(429, '429')],
  '503 with a date': [
    empty('503 Busy', `retry-after: ${new Date(begin + 120_000).toUTCString()}`),
    again(503, '503', 120_000),
  ],
  '503 with a year': [empty('503 Busy', 'retry-after: 31536000'), again(503, '503', 24 * 3_600_000)],
  '503 with words': [empty('503 Busy', 'retry-after: soon'), again(503, '503')],
  'no HTTP': ['hello\r\n\r\n', again(null, 'interrupted')],
  'a status of 99': [empty('099 What'), again(null, 'interrupted')],
  'a status of 999': [empty('999 What'), again(null, 'unknown status 999')],
  'headers of 64 KiB': [head('200 OK', `x: ${'a'.repeat(65_536)}`), again(null, 'interrupted')],
  'a closed connection': [(socket) => socket.destroy(), again(null, 'interrupted')],
  'an end without an answer': ['', again(null, 'interrupted')],
  'no answer': ['', again(null, 'not answer within 15 seconds'), 'hangs'],
};

test.each(Object.entries(rows))('%s', async (_, [answer, outcome, hangs]) => {
  const sockets = new Set<Socket>();
  const requested = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.once('data', () => {
      if (typeof answer !== 'string') answer(socket);
      else if (hangs) socket.write(answer);
      else socket.end(answer);
      requested.resolve();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`;
  const { service, append, deliverer, startAttempts, answers, clock } = await webhookWorld();
  const guarded = createGuardedFetch({ addresses: { allowRanges: ['127.0.0.0/8'] } });
  const answered = Promise.withResolvers<void>();
  answers((target, init) => guarded(target, init).finally(answered.resolve));
  const { id } = await service.create({ ...spec, url });
  await append(startFact);
  await startAttempts();
  await requested.promise;
  if (hangs) {
    if (answer !== '') await answered.promise;
    clock.advance(15_000);
  }
  await deliverer.settled();
  const [found] = await service.deliveries(id);
  const late = hangs ? { nextAt: found?.nextAt === null ? null : (found?.nextAt ?? 0) - 15_000 } : {};
  expect({ ...found, ...late }).toMatchObject(outcome);
});
