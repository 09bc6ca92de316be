// @module-tag all
// The whole server with a model provider that fails, hangs or floods.
import { describe, expect, test } from 'vitest';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { type FakeGemini, fakeGemini, text } from '../../support/agents/fake-gemini.ts';
import { canaryKey } from '../../support/agents/gemini.ts';
import { api, storedEvents } from '../../support/clients/api.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { reaches } from '../../support/servers/real-server.ts';

/** Without the sandbox's phases: it starts next to the run and can report at any time. */
const runOf = (log: readonly SessionEvent[]) => log.filter(({ type }) => !type.startsWith('sandbox.'));

async function serverFor(gemini: FakeGemini) {
  const server = await composedServer({
    CORRAL_MODEL: 'gemini/gemini-2.5-flash',
    GEMINI_API_KEY: canaryKey,
    CORRAL_MODELS_GEMINI_BASE_URL: gemini.url,
  });
  const client = api(server.url);
  const id = await client.create();
  return {
    client,
    id,
    log: () => storedEvents(server.config.dataDir, id),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('a provider in trouble', () => {
  test('F107 a stop disconnects the provider, and keeps the text so far', async () => {
    await using gemini = await fakeGemini(() => ({ chunks: [text('I begin to')], after: 'stall' }));
    await using server = await serverFor(gemini);
    await server.client.send(server.id, 'Hello');
    await reaches(() => gemini.requests.length === 1);
    // The test cannot see when the server has read the words, which were sent with the request. Each answer of the
    // server is a turn of its event loop, and reading takes fewer turns.
    for (let turn = 0; turn < 20; turn++) await server.client.status(server.id);
    await server.client.stop(server.id);
    await reaches(() => gemini.leavers() === 1);
    expect(runOf(server.log()).slice(-2)).toMatchObject([
      { type: 'message.assistant', data: { text: 'I begin to' } },
      { type: 'run.end', data: { status: 'stopped' } },
    ]);
    expect(problemsOf(server.log())).toEqual([]);
  });
});
