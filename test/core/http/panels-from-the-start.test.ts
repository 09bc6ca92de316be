import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { openStream, type SseClient } from '../../support/clients/sse-client.ts';
import { MemoryBackend } from '../../support/memory-driver/backend.ts';
import { memoryDriver } from '../../support/memory-driver/memory.ts';
import { composedServer } from '../../support/servers/composed.ts';

// The requests of public front ends right after a `tool` event with `calling`, while the sandbox still starts. Some
// front ends never retry, so a 404 would leave a panel empty.

const base = '/api/v1/sessions';
const fence = '```';

/** A server whose sandboxes do not start until the test allows it. */
async function withSlowStart() {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const driver = memoryDriver(new MemoryBackend(systemClock, ['corral-sandbox']));
  const slow = {
    ...driver,
    provision: async (...args: Parameters<typeof driver.provision>) => {
      await opened;
      return await driver.provision(...args);
    },
  };
  const server = await composedServer({ CORRAL_SANDBOX_IMAGE: 'corral-sandbox' }, undefined, { driver: slow });
  onTestFinished(() => server[Symbol.asyncDispose]());
  onTestFinished(() => open());
  const post = async (path: string, body?: unknown, method = 'POST') => {
    const response = await fetch(`${server.url}${path}`, { method, ...(body ? { body: JSON.stringify(body) } : {}) });
    // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
    return { status: response.status, body: (await response.json()) as any };
  };
  const { session_id: sid } = (await post(base, undefined, 'PUT')).body.data;
  const stream = async (path: string, body: unknown, headers: Record<string, string> = {}): Promise<SseClient> => {
    const client = await openStream(`${server.url}${base}/${sid}${path}`, { method: 'POST', body, headers });
    onTestFinished(() => client[Symbol.dispose]());
    return client;
  };
  /** Reads the chat's stream up to its first tool. */
  const calling = async (message: string) => {
    const chat = await stream('/chat', { message });
    await expect.poll(() => chat.events().some(({ event }) => event === 'tool')).toBe(true);
    expect(chat.events().find(({ event }) => event === 'tool')?.data).toMatchObject({ status: 'calling' });
    return chat;
  };
  return { open, post: (path: string, body: unknown) => post(`${base}/${sid}${path}`, body), stream, calling };
}
const events = { accept: 'text/event-stream' };

test('the shell panel exists as soon as a call names it: it shows the command, and no output yet', async () => {
  const { open, post, stream, calling } = await withSlowStart();
  const chat = await calling(`Say hi\n${fence}sh\necho hi\n${fence}`);
  const began = { ps1: 'corral:~$ ', command: 'echo hi', output: '' };
  expect(await post('/shell', { session_id: 'main' })).toEqual({
    status: 200,
    body: { code: 0, msg: 'success', data: { output: '', session_id: 'main', console: [began] } },
  });
  expect((await post('/shell', { session_id: 'other' })).status).toBe(404);
  const panel = await stream('/shell', { session_id: 'main' }, events);
  expect(panel.status).toBe(200);
  await expect.poll(() => panel.events()).toMatchObject([{ event: 'shell', data: { console: [began] } }]);
  open();
  await expect.poll(() => panel.events().at(-1)?.data).toMatchObject({ console: [{ ...began, output: 'hi\n' }] });
  await expect.poll(() => chat.events().at(-1)?.event).toBe('done');
});

test('the file panel exists as soon as a call names it, with empty content', async () => {
  const { open, post, stream, calling } = await withSlowStart();
  const chat = await calling(`Write it\n${fence}file:src/a.md\n# Title\n${fence}`);
  const file = '/workspace/src/a.md';
  expect(await post('/file', { file })).toMatchObject({ status: 200, body: { data: { content: '', file } } });
  const panel = await stream('/file', { file }, events);
  await expect.poll(() => panel.events()).toMatchObject([{ event: 'file', data: { content: '', file } }]);
  open();
  await expect.poll(() => panel.events().at(-1)?.data).toMatchObject({ content: '# Title' });
  await expect.poll(() => chat.events().at(-1)?.event).toBe('done');
  expect((await post('/file', { file: '/workspace/other.md' })).status).toBe(404);
});
