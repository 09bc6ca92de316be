import fastify from 'fastify';
import { expect, test } from 'vitest';
import { closeWithTimeout } from '../../../src/app/start/http.ts';

async function serverWith(answer: () => Promise<string>) {
  const app = fastify();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  app.get('/', async () => {
    begin();
    return await answer();
  });
  const pending = fetch(await app.listen({ host: '127.0.0.1', port: 0 }));
  pending.catch(() => {});
  await begun;
  return { app, pending };
}

test('F007 a request that is answered in time gets its answer while the server closes', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { app, pending } = await serverWith(() => promise);
  const closed = closeWithTimeout(app, 10_000);
  resolve('done');
  expect(await (await pending).text()).toBe('done');
  await closed;
});

test('F007 a request that never ends does not keep the server open', async () => {
  const { app, pending } = await serverWith(() => new Promise(() => {}));
  await closeWithTimeout(app, 20);
  await expect(pending).rejects.toThrow();
});
