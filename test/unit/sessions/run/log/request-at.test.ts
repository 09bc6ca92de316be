import { describe, expect, test } from 'vitest';
import type { TurnRequest } from '../../../../../src/agents/models/model.ts';
import type { FactOf } from '../../../../../src/core/model/events.ts';
import { readRecordedRequest } from '../../../../../src/sessions/run/log/request-at.ts';
import type { ScriptLine } from '../../../../support/agents/scripted.ts';
import { call, say, smallRun, words } from '../../../../support/agents/small-run.ts';
import { runId, sessionId } from '../../../../support/machines/session-parts.ts';

const sections = [
  { part: 'role', text: 'You are careful.' },
  { part: 'rules', text: 'Keep to the rules. '.repeat(200) },
];
const prompt = { system: sections.map(({ text }) => text).join('\n\n'), sections };
const tools = [{ name: 'file_read', description: 'Reads.', parameters: { type: 'object', properties: {} } }];
const usage = { inputTokens: 10, outputTokens: 2 };
const end = (stop: 'done' | 'length'): ScriptLine => ({ type: 'end', outcome: { kind: 'finished', stop, usage } });

function bench(decide: Parameters<typeof smallRun>[0]) {
  const run = smallRun(decide);
  const more = { note: 'Step 1: x', tools, prompt };
  return {
    ...run,
    turn: (output = '', note = more.note, by = run.runWriter) => run.turn(() => output, { ...more, note }, by),
    at: (n?: number) => readRecordedRequest(run.store.records, sessionId, n),
  };
}
const seen = ({ cacheKey: _, ...request }: TurnRequest) => JSON.parse(JSON.stringify(request)) as unknown;
const usages = (events: readonly { type: string; data: unknown }[]) =>
  events.flatMap(({ type, data }) => (type === 'usage' ? [data as FactOf<'usage'>['data']] : []));

describe('what a turn saw', () => {
  test('is rebuilt as it was sent, turn by turn, through results left out, summaries and more messages', async () => {
    const it = bench((_, turn) => (turn < 0 ? [say('## State')] : [say(words(turn)), call(turn)]));
    it.hear('Read all files.');
    for (let n = 0; n < 60; n++) {
      if (n === 20) it.hear('And be quick.');
      await it.turn(n % 3 === 0 ? 'r'.repeat(20_000) : 'short', `Step ${Math.ceil((n + 1) / 7)}`);
    }
    const kinds = (await it.events()).flatMap((one) => (one.type === 'context.compacted' ? [one.data.kind] : []));
    expect(kinds).toContain('summary');
    expect(kinds).toContain('results');
    const { requests } = it.model;
    expect(requests.some(({ earlier = [] }) => earlier.length > 1)).toBe(true);
    expect(requests.length).toBeGreaterThan(60); // the summaries count too
    for (const [n, request] of requests.entries()) {
      const recorded = await it.at(n + 1);
      expect(seen(recorded.request)).toEqual(seen(request));
      expect(recorded).toMatchObject({ turn: n + 1, proved: true, sections, model: 'small/one' });
    }
  });

  test('has the hash that its usage has', async () => {
    const it = bench(() => [say('Well.')]);
    it.hear('Hello');
    await it.turn();
    const { requestHash, runId: run } = await it.at(1);
    expect(run).toBe(runId());
    expect(usages(await it.events())).toMatchObject([{ turn: 1, requestHash }]);
    expect(requestHash).toMatch(/^[0-9a-f]{64}$/);
  });

  test('is recorded for a turn that failed, too', async () => {
    const failed = { kind: 'failed', code: 'model_rejected', message: 'No.', retryable: false } as const;
    const it = bench(() => [{ type: 'end', outcome: failed }]);
    it.hear('Hello');
    await it.turn();
    expect((await it.at()).request.messages).toEqual([{ role: 'user', text: 'Hello' }]);
  });

  test('includes the cut reply that a turn continues with', async () => {
    const it = bench(({ messages }) =>
      messages.at(-1)?.role === 'assistant' ? [say('ld.')] : [say('Hello wor'), end('length')],
    );
    it.hear('Greet.');
    await it.turn();
    expect((await it.at(2)).request.messages.at(-1)).toMatchObject({ role: 'assistant', text: 'Hello wor' });
    expect(await it.at(2)).toMatchObject({ proved: true });
  });

  test.each([
    ['a message', 'transcript', 'Delete nothing.', { message: { role: 'user', text: 'Delete all.' } }],
    ['a part of the instructions', 'request-text', 'You are careful', { sections: sections.slice(1) }],
  ])('is not proved when %s was changed in the store', async (_, kind, words, forged) => {
    const it = bench(() => [say('Well.')]);
    it.hear('Delete nothing.');
    await it.turn();
    const { records } = it.store;
    const all = await records.list(kind, { idPrefix: sessionId });
    const own = all.find(({ doc }) => JSON.stringify(doc).includes(words));
    await records.put({ kind, id: own?.id ?? '', doc: { ...(own?.doc as object), ...forged } });
    expect((await it.at(1)).proved).toBe(false);
  });

  test('is counted on after a restart', async () => {
    const it = bench(() => [say('Well.')]);
    it.hear('Hello');
    await it.turn();
    await it.turn();
    const { runWriter } = await it.restarted();
    await it.turn('', 'Step 1: x', runWriter);
    expect(usages(await it.events()).map(({ turn }) => turn)).toEqual([1, 2, 3]);
    expect(seen((await it.at(3)).request)).toEqual(seen(it.model.requests[2] as TurnRequest));
  });

  test('of a turn that never was is refused, with the newest one', async () => {
    const it = bench(() => [say('Well.')]);
    await expect(it.at()).rejects.toMatchObject({ code: 'not_found', publicMessage: /No model was called/ });
    it.hear('Hello');
    await it.turn();
    const expected = { code: 'not_found', publicMessage: 'There is no turn 2; the newest is 1.' };
    await expect(it.at(2)).rejects.toMatchObject(expected);
  });
});
