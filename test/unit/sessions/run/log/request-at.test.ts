import { describe, expect, test } from 'vitest';
import type { TurnRequest } from '../../../../../src/agents/models/model.ts';
import type { FactOf, PlanStep } from '../../../../../src/core/model/events.ts';
import { createIdSource } from '../../../../../src/core/model/ids.ts';
import { readRecordedRequest } from '../../../../../src/sessions/run/log/request-at.ts';
import { RunWriter } from '../../../../../src/sessions/run/log/run-writer.ts';
import { Transcript } from '../../../../../src/sessions/run/log/transcript.ts';
import { TurnBudget } from '../../../../../src/sessions/run/turn-budget.ts';
import { takeTurn } from '../../../../../src/sessions/run/turns/turn.ts';
import type { ScriptLine } from '../../../../support/agents/scripted.ts';
import { smallModel } from '../../../../support/agents/small-model.ts';
import { messageId, nothingYet, runId, scribeBench, sessionId } from '../../../../support/machines/session-parts.ts';

const step: PlanStep = { id: '1', description: 'x', status: 'running' };
const sections = [
  { part: 'role', text: 'You are careful.' },
  { part: 'rules', text: 'Keep to the rules. '.repeat(200) },
];
const tools = [{ name: 'file_read', description: 'Reads.', parameters: { type: 'object', properties: {} } }];
const expected = {
  phase: { kind: 'act', step, stepIndex: 0 } as const,
  note: 'Step 1: x',
  hint: undefined,
  tools,
  prompt: { system: sections.map(({ text }) => text).join('\n\n'), sections },
  workdir: '/workspace',
  text: 'live' as const,
};
const { signal } = new AbortController();
const usage = { inputTokens: 10, outputTokens: 2 };
const say = (delta: string): ScriptLine => ({ type: 'text', delta });
const end = (stop: 'done' | 'length'): ScriptLine => ({ type: 'end', outcome: { kind: 'finished', stop, usage } });
const isSummary = ({ hint = '' }: TurnRequest) => hint.includes('will be shortened now');
const call = (n: number): ScriptLine => ({
  type: 'call',
  call: { callId: `c${n}`, name: 'file_read', args: { file: `f${n}` } },
});

function bench(
  decide: (request: TurnRequest, turn: number) => readonly ScriptLine[],
  noteOf = (_: number) => expected.note,
) {
  const { runWriter, store, ...rest } = scribeBench();
  let turns = 0;
  const model = smallModel((request) => decide(request, turns));
  const turn = async (output = '', by = runWriter) => {
    turns += 1;
    const made = await takeTurn(
      { model, runWriter: by, budget: new TurnBudget() },
      { ...expected, note: noteOf(turns) },
      signal,
    );
    if (!made.ok) return;
    for (const { callId, name } of made.message.calls)
      by.add({ runId: runId(), message: { role: 'tool', callId, name, output, success: true } });
    await by.write(...made.facts);
  };
  const hear = (text: string) => runWriter.hear({ messageId: messageId(turns + 1), text });
  return {
    ...rest,
    runWriter,
    store,
    model,
    turn,
    hear,
    at: (n?: number) => readRecordedRequest(store.records, sessionId, n),
  };
}
const seen = ({ cacheKey: _, ...request }: TurnRequest) => JSON.parse(JSON.stringify(request)) as unknown;
const usages = (events: readonly { type: string; data: unknown }[]) =>
  events.flatMap(({ type, data }) => (type === 'usage' ? [data as FactOf<'usage'>['data']] : []));

describe('what a turn saw', () => {
  test('is rebuilt as it was sent, turn by turn, through results left out, summaries and more messages', async () => {
    const words = (turn: number) => Array.from({ length: 800 }, (_, n) => `w${turn * n}`).join(' ');
    const decide = (request: TurnRequest, turn: number) =>
      isSummary(request) ? [say('## State')] : [say(words(turn)), call(turn)];
    const it = bench(decide, (turn) => `Step ${Math.ceil(turn / 7)}`);
    it.hear('Read all files.');
    for (let n = 0; n < 60; n++) {
      if (n === 20) it.hear('And be quick.');
      await it.turn(n % 3 === 0 ? 'r'.repeat(20_000) : 'short');
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

  test('is not proved when a message was changed in the store', async () => {
    const it = bench(() => [say('Well.')]);
    it.hear('Delete nothing.');
    await it.turn();
    const [record] = await it.store.records.list('transcript', { idPrefix: sessionId });
    const forged = { ...(record?.doc as object), message: { role: 'user', text: 'Delete all.' } };
    await it.store.records.put({ kind: 'transcript', id: record?.id ?? '', doc: forged });
    expect((await it.at(1)).proved).toBe(false);
  });

  test('is not proved when a part of the instructions was changed in the store', async () => {
    const it = bench(() => [say('Well.')]);
    it.hear('Hello');
    await it.turn();
    const texts = await it.store.records.list('request-text', { idPrefix: sessionId });
    const own = texts.find(({ doc }) => JSON.stringify(doc).includes('You are careful'));
    await it.store.records.put({ kind: 'request-text', id: own?.id ?? '', doc: { sections: sections.slice(1) } });
    expect((await it.at(1)).proved).toBe(false);
  });

  test('is counted on after a restart', async () => {
    const it = bench(() => [say('Well.')]);
    it.hear('Hello');
    await it.turn();
    await it.turn();
    const transcript = new Transcript(sessionId, it.store.records);
    await transcript.load();
    const { writer, clock } = it;
    const options = { writer, transcript, ids: createIdSource(), clock, runId: runId(), soFar: nothingYet };
    await it.turn('', new RunWriter(options));
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
