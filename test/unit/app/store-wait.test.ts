import { expect, test } from 'vitest';
import { waitForStore } from '../../../src/app/start/store-wait.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { freePort } from '../../support/servers/free-port.ts';

async function wait(mongodbUrl?: string) {
  const messages: string[] = [];
  const closing = new AbortController();
  const config = { host: '127.0.0.1', port: await freePort(), mongodbUrl: mongodbUrl && new Secret(mongodbUrl) };
  const warned: string[] = [];
  const logger = { warn: (_: object, text: string) => void warned.push(text) };
  const options = { config, logger, closing: closing.signal, say: (text: string) => void messages.push(text) };
  return { messages, warned, closing, options: options as Parameters<typeof waitForStore>[1] };
}
const address = 'mongodb://user:secret@db.example:27017/corral';

test.each(['store_unavailable', 'store_busy'] as const)(
  'F061 a start that fails with %s in any phase is repeated, and people see once which database it waits for',
  async (code) => {
    const { messages, options } = await wait(address);
    let tries = 0;
    const core = await waitForStore(async () => {
      tries += 1;
      if (tries < 3) throw new AppError(code, 'The store did not answer in time.');
      return 'up';
    }, options);
    expect([core, tries]).toEqual(['up', 3]);
    expect(messages).toEqual([
      'MongoDB at db.example:27017 does not answer. The server waits for it and starts once it is available.',
    ]);
  },
);

test('a start that fails for another reason is not repeated', async () => {
  const { messages, options } = await wait(address);
  const failing = waitForStore(() => Promise.reject(new AppError('invalid_request', 'wrong password')), options);
  await expect(failing).rejects.toMatchObject({ code: 'invalid_request' });
  expect(messages).toEqual([]);
});

test('a database file that cannot be read ends the start', async () => {
  const { options } = await wait();
  const failing = waitForStore(() => Promise.reject(new AppError('store_unavailable', 'disk')), options);
  await expect(failing).rejects.toMatchObject({ code: 'store_unavailable' });
});

test('F061 a stop ends the wait for the database', async () => {
  const { closing, options } = await wait(address);
  const waiting = waitForStore(() => Promise.reject(new AppError('store_busy', 'busy')), options);
  setImmediate(() => closing.abort());
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
});
