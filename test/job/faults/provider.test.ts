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
  internalError,
  parts,
  refusal,
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
const said: GeminiReply = { chunks: [text('Done', 'STOP')] };

/** Without the sandbox's phases: it starts beside the run, and may say so at any time. */
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
  test('F075 a run waits as long as its provider asks, and the log shows why', async () => {
    const times: number[] = [];
    await using gemini = await fakeGemini((_, n) => {
      times.push(performance.now());
      return n === 0 ? tooManyRequests('1.5s') : n === 1 ? planned : said;
    });
    await using server = await serverFor(gemini);
    const frames = await server.client.chat(server.id, 'Hello');
    expect(frames.at(-1)?.event).toBe('done');
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(1_500);
    const notices = server.log().filter(({ type }) => type === 'run.notice');
    expect(notices).toMatchObject([{ data: { kind: 'waiting_provider', detail: expect.stringContaining('quota') } }]);
  });

  test('F076 a run fails after five failed requests, and the next message starts again', {
    tags: ['nightly'],
  }, async () => {
    await using gemini = await fakeGemini((_, n) => (n < 5 ? internalError() : n === 5 ? planned : said));
    await using server = await serverFor(gemini);
    const frames = await server.client.chat(server.id, 'Hello');
    expect(frames.map(({ event }) => event)).toEqual(['error']);
    expect(gemini.requests).toHaveLength(5);
    const end = server.log().find(({ type }) => type === 'run.end');
    expect(end).toMatchObject({ data: { status: 'failed', code: 'provider_error', retryable: true } });
    expect((await server.client.chat(server.id, 'Again')).at(-1)?.event).toBe('done');
  });

  test('F077 a refusal that no retry mends fails the run after one request, and the error never repeats the key', async () => {
    const refusals = [
      [400, 'INVALID_ARGUMENT', 'The input token count exceeds the maximum number of tokens allowed.'],
      [401, 'UNAUTHENTICATED', `The key ${canaryKey} is not valid.`],
      [403, 'PERMISSION_DENIED', `The key ${canaryKey} may not.`],
      [404, 'NOT_FOUND', 'models/gemini-2.5-flash is not found.'],
    ] as const;
    await using gemini = await fakeGemini((_, n) => refusal(...(refusals[n % 4] as (typeof refusals)[0])));
    await using server = await serverFor(gemini);
    for (const [n, [status]] of refusals.entries()) {
      const frames = await server.client.chat(server.id, `Hello ${n}`);
      expect(
        frames.map(({ event }) => event),
        `${status}`,
      ).toEqual(['error']);
      expect(gemini.requests, `${status}`).toHaveLength(n + 1);
      const ends = server.log().filter(({ type }) => type === 'run.end');
      expect(ends, `${status}`).toHaveLength(n + 1);
      expect(ends.at(-1), `${status}`).toMatchObject({ data: { status: 'failed', retryable: false } });
      expect(JSON.stringify([frames, server.log()]) + server.output(), `${status}`).not.toContain(canaryKey);
    }
  });

  test('F082 a reply of a hundred thousand small pieces creates few events and uses little memory', {
    tags: ['nightly'],
  }, async () => {
    const pieces = 100_000;
    const chunks = Array.from({ length: pieces }, (_, n) => text('x', n === pieces - 1 ? 'STOP' : undefined));
    await using gemini = await fakeGemini((_, n) => (n === 0 ? planned : n === 1 ? { chunks } : said));
    await using server = await serverFor(gemini);
    await server.client.send(server.id, 'Hello');
    const before = server.rss();
    let peak = before;
    await reaches(() => {
      peak = Math.max(peak, server.rss());
      return server.log().some(({ type }) => type === 'run.end');
    });
    const at = server.log().findIndex((it) => it.type === 'message.assistant' && it.data.text === 'x'.repeat(pieces));
    expect(at).toBeGreaterThan(0);
    const deltas = server
      .log()
      .slice(0, at)
      .filter(({ type }) => type === 'message.delta');
    expect(deltas.length).toBeLessThan(40); // deltas have the maximum length
    // 20 MB on the wire need more as objects, before the garbage collector frees them.
    expect((peak - before) / 2 ** 20).toBeLessThan(300);
    expect(problemsOf(server.log())).toEqual([]);
  });

  test('F107 a stop disconnects the provider, and keeps the text so far', async () => {
    await using gemini = await fakeGemini(() => ({ chunks: [text('I begin to')], after: 'stall' }));
    await using server = await serverFor(gemini);
    await server.client.send(server.id, 'Hello');
    await reaches(() => gemini.requests.length === 1);
    // Nothing shows the test that the server has read the words, which lie before it since the request. Each answer of the
    // server is a turn of its event loop, and reading takes fewer.
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
      n === 0 ? planned : n === 1 ? said : { chunks: [text('All of it '), text('went')], after: 'stall' },
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
