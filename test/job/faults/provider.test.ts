// @module-tag all
// The whole server with a model provider that fails, hangs or floods.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import {
  type FakeGemini,
  fakeGemini,
  functionCall,
  type GeminiReply,
  parts,
  text,
  tooManyRequests,
} from '../../support/agents/fake-gemini.ts';
import { canaryKey } from '../../support/agents/gemini.ts';
import { api, storedEvents } from '../../support/clients/api.ts';
import { problemsOf } from '../../support/hostile/checker.ts';
import { reaches } from '../../support/servers/real-server.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const planned: GeminiReply = {
  chunks: [
    parts([functionCall('make_plan', { title: 'T', steps: ['One'], acknowledgement: 'On it.' })]),
    parts([{ text: '' }], 'STOP'),
  ],
};
const reply: GeminiReply = { chunks: [text('Done', 'STOP')] };

/** Without the sandbox's phases: it starts next to the run and can report at any time. */
const runOf = (log: readonly SessionEvent[]) => log.filter(({ type }) => !type.startsWith('sandbox.'));

async function serverFor(gemini: FakeGemini) {
  const server = await serverProcess({
    CORRAL_DRIVER: 'memory',
    CORRAL_MODEL: 'gemini/gemini-2.5-flash',
    GEMINI_API_KEY: canaryKey,
    CORRAL_MODELS_GEMINI_BASE_URL: gemini.url,
  });
  const client = api(server.url);
  const id = await client.create();
  return {
    client,
    id,
    log: () => storedEvents(server.data, id),
    ended: () => reaches(() => storedEvents(server.data, id).some(({ type }) => type === 'run.end')),
    output: server.output,
    /** The memory of the server's process, in bytes. */
    rss: () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) * 1024,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('a provider in trouble', () => {
  test('F075 a run waits as long as its provider asks, and the log shows why', { tags: ['nightly'] }, async () => {
    const times: number[] = [];
    await using gemini = await fakeGemini((_, n) => {
      times.push(performance.now());
      return n === 0 ? tooManyRequests('1.5s') : n === 1 ? planned : reply;
    });
    await using server = await serverFor(gemini);
    expect((await server.client.chat(server.id, 'Hello')).at(-1)?.event).toBe('done');
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1_500);
    const notices = server.log().filter(({ type }) => type === 'run.notice');
    expect(notices).toMatchObject([{ data: { kind: 'waiting_provider', detail: expect.stringContaining('quota') } }]);
  });

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

  test('F107 a stop during the summary keeps its text as a whole message', async () => {
    await using gemini = await fakeGemini((_, n) =>
      n === 0 ? planned : n === 1 ? reply : { chunks: [text('All of it '), text('went')], after: 'stall' },
    );
    await using server = await serverFor(gemini);
    await server.client.send(server.id, 'Hello');
    await reaches(() => server.log().some((it) => it.type === 'message.delta' && it.data.text.includes('All')));
    await server.client.stop(server.id);
    const texts = server.log().flatMap((it) => (it.type === 'message.assistant' ? [it.data.text] : []));
    expect(texts.at(-1)).toMatch(/^All of it (went)?$/);
    expect(runOf(server.log()).at(-1)).toMatchObject({ type: 'run.end', data: { status: 'stopped' } });
  });
});
