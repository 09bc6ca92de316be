import { describe, expect, test } from 'vitest';
import type { TurnOutcome, TurnRequest } from '../../../../../src/agents/models/model.ts';
import { recallMessages } from '../../../../../src/sessions/run/context/recall.ts';
import { TurnBudget } from '../../../../../src/sessions/run/turn-budget.ts';
import { runTurn } from '../../../../../src/sessions/run/turns/turn.ts';
import type { ScriptLine } from '../../../../support/agents/scripted.ts';
import { sharedBeginning, smallModel, tokensOf, window } from '../../../../support/agents/small-model.ts';
import { call, say, smallRun, wantsSummary, words } from '../../../../support/agents/small-run.ts';
import { exampleTurn, runId } from '../../../../support/machines/session-parts.ts';

const first = 'Read all files, and never touch the folder old.';

/** A run with a small model; each turn's call gets a result of this many characters. */
function bench(decide: Parameters<typeof smallRun>[0]) {
  const run = smallRun(decide);
  const step = (chars: number, note = '') => run.turn((callId) => `${callId} `.repeat(chars).slice(0, chars), { note });
  const compactions = async () =>
    (await run.events()).flatMap((event) => (event.type === 'context.compacted' ? [event] : []));
  return { ...run, step, compactions };
}
const working = (request: TurnRequest, turn: number): readonly ScriptLine[] => {
  if (turn < 0) return [say('## State\nSome files were read.')];
  const last = request.messages.at(-1);
  if (last?.role === 'user' && last.text === 'hello') return [say('Hello!')];
  return turn > 300 ? [say('All read.')] : [call(turn)];
};

/** 300 turns with long results and these notes, of which each is answered, and so is a message after them. */
async function longRun(noteOf: (turn: number) => string = () => '') {
  const it = bench(working);
  it.hear(first);
  for (let n = 0; n < 300; n++) expect((await it.step(20_000, noteOf(n))).ok, `turn ${n}`).toBe(true);
  expect(await it.step(0)).toMatchObject({ ok: true, message: { text: 'All read.' } });
  it.hear('hello');
  expect(await it.step(0)).toMatchObject({ ok: true, message: { text: 'Hello!' } });
  for (const request of it.model.requests) {
    expect(tokensOf(request)).toBeLessThanOrEqual(window - 4_096);
    expect(request.messages).toContainEqual({ role: 'user', text: first });
  }
  const turns = it.model.requests.filter((request) => !wantsSummary(request));
  const shares = turns.slice(1).map((request, n) => sharedBeginning(turns[n] as TurnRequest, request));
  return { turns, shares, compactions: await it.compactions(), messages: it.transcript.messages };
}

describe('a long conversation in a small window', { tags: ['all'] }, () => {
  test('with 300 turns of 20,000 characters each ends, and the session answers the next message', async () => {
    const { shares, compactions, messages } = await longRun();
    expect(shares.filter((share) => share < 1).length).toBeLessThanOrEqual(compactions.length);
    expect(compactions.length).toBeLessThan(100); // less often than every third turn
    expect(compactions.map(({ data }) => data.kind)).toContain('summary');
    for (const { seq, data } of compactions) {
      expect(data.after).toBeLessThanOrEqual(data.before * 0.8);
      expect(data.uptoSeq).toBeLessThan(seq);
    }
    expect(messages).toHaveLength(2 * 300 + 4); // nothing is lost
  });

  test('with 300 turns and a plan of thirty steps ends as well, and each request begins as the one before', async () => {
    const steps = Array.from(
      { length: 30 },
      (_, n) => `${n + 1}. Read the files of part ${n + 1} and note what is in them.`,
    );
    const noteOf = (step: number) => {
      const plan = steps.map((text, n) => `${n < step ? '[done]' : '[open]'} ${text}`).join('\n');
      return `The plan:\n${plan}\n\nWork on step ${step + 1} now.`;
    };
    const { turns, shares, compactions } = await longRun((turn) => noteOf(Math.floor(turn / 10)));
    const between = shares.toSorted((a, b) => a - b).slice(compactions.length); // without those that a compaction cut
    expect(between.filter((share) => share >= 0.95).length / between.length).toBeGreaterThanOrEqual(0.95);
    expect(turns[299]?.note).toBe(noteOf(29));
  });

  test('looks the same to the model after a restart', async () => {
    const it = bench(working);
    it.hear(first);
    for (let n = 0; n < 40; n++) await it.step(20_000);
    await it.runWriter.write();
    const { transcript } = await it.restarted();
    expect(transcript.view(runId())).toEqual(it.transcript.view(runId()));
    expect(transcript.compactions.length).toBeGreaterThan(0);
  });

  test('keeps the user’s messages and cuts no call from its result when one turn has eight long results', async () => {
    const many = (_: TurnRequest, turn: number) =>
      turn < 0 ? [say('## State\nMuch.')] : Array.from({ length: 8 }, (_each, n) => call(turn * 10 + n));
    const it = bench(many);
    it.hear(first);
    for (let n = 0; n < 12; n++) {
      it.hear(`Remember rule ${n}.`);
      expect((await it.step(16_000)).ok).toBe(true);
    }
    const reply = it.model.requests
      .at(-1)
      ?.messages.flatMap((message) => (message.role === 'user' ? [message.text] : []));
    expect(reply?.filter((text) => /^Remember/.test(text))).toHaveLength(12);
  });

  test('continues after a message that alone is larger than the window, of which both ends are seen', async () => {
    const it = bench((_, turn) => (turn < 0 ? [say('## State\nA long text came.')] : [say('Read.')]));
    it.hear(`Begin ${'x'.repeat(200_000)} end`);
    expect(await it.step(0)).toMatchObject({ ok: true });
    const [seen] = it.model.requests.at(-1)?.messages ?? [];
    expect(seen?.role === 'user' && [seen.text.slice(0, 5), seen.text.slice(-3)]).toEqual(['Begin', 'end']);
  });
});

describe('a summary that cannot be made', () => {
  const without = (summary: readonly ScriptLine[]) =>
    bench((_, turn) => (turn < 0 ? summary : [say(words(turn)), call(turn)]));
  async function full(it: ReturnType<typeof bench>) {
    it.hear(first);
    for (let n = 0; n < 100; n++) {
      const turn = await it.step(100);
      if (!turn.ok) return turn.result;
    }
    throw new Error('it was never full');
  }

  const end = (outcome: TurnOutcome): ScriptLine => ({ type: 'end', outcome });
  const failed = (code: 'model_rejected' | 'model_unavailable', message: string, retryable: boolean) =>
    end({ kind: 'failed', code, message, retryable });
  const usage = { inputTokens: 1, outputTokens: 1 };
  test.each<[string, readonly ScriptLine[], string]>([
    ['is empty', [], 'The model returned an empty summary.'],
    ['is refused', [say('No.'), end({ kind: 'finished', stop: 'refused', usage })], 'The model declined.'],
    ['is a call', [say('Let me look.'), call(7)], 'The model called a tool instead.'],
    ['fails for good', [failed('model_rejected', 'It is odd.', false)], 'It is odd.'],
  ])('because it %s is tried twice, then the run continues without it and says why', async (_, summary, why) => {
    const it = without(summary);
    it.hear(first);
    for (let n = 0; n < 30; n++) expect((await it.step(100)).ok, `turn ${n}`).toBe(true);
    const cuts = await it.compactions();
    expect(cuts[0]).toMatchObject({
      data: { kind: 'cut', model: null, summary: expect.stringContaining(`No summary could be made. ${why}`) },
    });
    expect(it.model.requests.filter(wantsSummary)).toHaveLength(2 * cuts.length);
    const last = it.model.requests.at(-1);
    expect(last?.messages).toContainEqual({ role: 'user', text: first });
    expect(JSON.stringify(last?.messages)).not.toContain('"c1"');
    const expected = { ok: true, output: expect.stringMatching(/^c1 c1/) };
    expect(recallMessages(it.transcript.messages, { call_id: 'c1' })).toMatchObject(expected);
  });

  test('because the provider is away fails the turn once, so that it is tried again, and then the run continues', async () => {
    const it = without([failed('model_unavailable', 'Away.', true)]);
    expect(await full(it)).toMatchObject({ kind: 'failed', code: 'model_unavailable', retryable: true });
    expect([await it.compactions(), (await it.step(100)).ok]).toEqual([[], true]);
    const cut = { kind: 'cut', summary: expect.stringContaining('Away.') };
    expect(await it.compactions()).toMatchObject([{ data: cut }]);
  });

  test('because of a call is a summary all the same when it has the headings', async () => {
    const it = without([say('## State\nMuch.'), call(7)]);
    it.hear(first);
    for (let n = 0; n < 30; n++) expect((await it.step(100)).ok, `turn ${n}`).toBe(true);
    expect((await it.compactions()).at(-1)).toMatchObject({ data: { kind: 'summary', summary: '## State\nMuch.' } });
  });

  test('F015 leaves no trace when the server dies in the meantime, and the next server makes it once', async () => {
    const never = new Promise<void>(() => {});
    const it = bench((_, turn) => (turn < 0 ? [never] : [say(words(turn)), call(turn)]));
    it.hear(first);
    const isRequested = () => it.model.requests.some(wantsSummary);
    while (!isRequested()) await Promise.race([it.step(100), expect.poll(isRequested).toBe(true)]);
    expect(await it.compactions()).toEqual([]);
    const { transcript, runWriter } = await it.restarted();
    expect(transcript.compactions).toEqual([]);
    const model = smallModel((request) => (wantsSummary(request) ? [say('## State')] : [say('Well.')]));
    const parts = { model, runWriter, budget: new TurnBudget() };
    const turn = await runTurn(parts, exampleTurn, new AbortController().signal);
    expect(turn.ok && turn.message.text).toBe('Well.');
    expect(await it.compactions()).toMatchObject([{ data: { kind: 'summary', summary: '## State' } }]);
  });
});
