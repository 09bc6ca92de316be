import { describe, expect, test } from 'vitest';
import type { FinishedTurn, TurnPart } from '../../../../../src/agents/models/model.ts';
import { TurnBudget } from '../../../../../src/sessions/run/turn-budget.ts';
import { runTurn } from '../../../../../src/sessions/run/turns/turn.ts';
import { type ScriptLine, scriptedModel } from '../../../../support/agents/scripted.ts';
import { exampleTurn, runId, scribeBench } from '../../../../support/machines/session-parts.ts';

const usage = { inputTokens: 10, outputTokens: 5 };
const end = (stop: FinishedTurn['stop'], more: Partial<FinishedTurn> = {}): TurnPart => ({
  type: 'end',
  outcome: { kind: 'finished', stop, usage, ...more },
});
const say = (delta: string): TurnPart => ({ type: 'text', delta });

async function turnOf(...scripts: (readonly ScriptLine[])[]) {
  const { runWriter, transcript, events } = scribeBench();
  runWriter.add({ runId: runId(), message: { role: 'user', text: 'Go' } });
  const model = scriptedModel(scripts);
  const parts = { model, runWriter, budget: new TurnBudget() };
  const turn = await runTurn(parts, exampleTurn, new AbortController().signal);
  await runWriter.write(...(turn.ok ? turn.facts : []));
  const reply = (await events()).flatMap((it) => (it.type === 'message.assistant' ? [it.data.text] : []));
  return { turn, model, transcript, reply };
}

describe('a reply that the length limit cut', () => {
  test('within its text is continued once, and people and the model read one text', async () => {
    const { turn, model, reply, transcript } = await turnOf([say('One and '), end('length')], [say('two.')]);
    expect(turn).toMatchObject({ ok: true, empty: false, message: { text: 'One and two.' }, spent: { turns: 2 } });
    expect(reply).toEqual(['One and two.']);
    expect(model.requested[1]?.messages.at(-1)).toMatchObject({ role: 'assistant', text: 'One and ' });
    expect(model.requested[1]?.hint).toMatch(/Go on exactly where it stopped/);
    expect(transcript.messages.at(-1)).toMatchObject({ text: 'One and two.' });
  });

  test('twice says so at its end', async () => {
    const { turn, reply, model } = await turnOf([say('One '), end('length')], [say('two '), end('length')]);
    const expected = { ok: true, message: { text: expect.stringMatching(/^One two \s*\[The reply was cut here/) } };
    expect(turn).toMatchObject(expected);
    expect(reply[0]).toMatch(/cut here/);
    expect(model.requested).toHaveLength(2);
  });

  test('F079 within a call makes no call, and the model must send it smaller', async () => {
    const { turn } = await turnOf([say('I write it.'), end('length', { cutCalls: ['file_write'] })]);
    expect(turn).toMatchObject({ ok: true, empty: true, message: { calls: [] } });
    expect(turn.ok && turn.hint).toMatch(/inside a call of file_write.*Send it smaller/s);
  });

  test('before its first word requests brevity', async () => {
    const { turn } = await turnOf([end('length')]);
    expect(turn.ok && turn.hint).toMatch(/before it contained any text/);
  });
});

test('a refusal has a reason and a text of its own, is paid for, and is no part of the conversation', async () => {
  const { turn, transcript } = await turnOf([say('I cannot help with that.'), end('refused', { reason: 'SAFETY' })]);
  expect(turn).toMatchObject({ ok: false, result: { kind: 'failed', code: 'model_refused', retryable: false } });
  const message = !turn.ok && turn.result.kind === 'failed' ? turn.result.message : '';
  expect(message).toMatch(/declined to answer \(SAFETY\)\. Its answer: I cannot help with that\./);
  expect(transcript.messages).toHaveLength(1);
});

describe('a reply that repeats itself', () => {
  test('F083 without an end is stopped, and the model is notified', async () => {
    const { turn, transcript } = await turnOf(Array.from({ length: 10_000 }, () => say('I will try again. ')));
    expect(turn).toMatchObject({ ok: true, empty: true, hint: expect.stringMatching(/repeated the same words/) });
    expect(turn.ok && turn.facts).toContainEqual(
      expect.objectContaining({ type: 'run.notice', data: expect.objectContaining({ kind: 'left_out' }) }),
    );
    expect(turn.ok && turn.pieces.length).toBeLessThan(300);
    expect(transcript.messages).toHaveLength(1);
  });

  test.each([
    ['a long table', Array.from({ length: 200 }, (_, n) => `| ${n} | value ${n * 7} |\n`)],
    ['a ruler', Array.from({ length: 500 }, () => '----------')],
    ['much text', Array.from({ length: 500 }, (_, n) => `Sentence number ${n} says something else. `)],
  ])('like %s is not stopped', async (_, deltas) => {
    const { turn } = await turnOf(deltas.map(say));
    expect(turn).toMatchObject({ ok: true, empty: false, message: { text: deltas.join('') } });
  });
});
