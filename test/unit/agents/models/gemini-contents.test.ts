import { describe, expect, test } from 'vitest';
import { toGeminiContents } from '../../../../src/agents/models/gemini/contents.ts';
import type { AssistantMessage, TurnRequest } from '../../../../src/agents/models/model.ts';
import { ask, Conversation } from '../../../support/agents/models.ts';

const model = 'gemini/x';
const contents = (talk: Conversation, more: Partial<TurnRequest> = {}) =>
  toGeminiContents(ask({ messages: talk.messages, note: 'Do step 1.', ...more }), model);

const call = (name: string, callId: string) => ({ callId, name, args: { a: 1 } });
/** A turn in the form that Gemini sent. */
function turn(talk: Conversation, ...calls: ReturnType<typeof call>[]): AssistantMessage {
  const raw = calls.map(({ name, args }) => ({ functionCall: { name, args }, thoughtSignature: `of ${name}` }));
  const message: AssistantMessage = { role: 'assistant', model, text: '', calls, raw };
  talk.messages.push(message);
  return message;
}
const kinds = (all: ReturnType<typeof contents>) =>
  all.map(({ role, parts }) => `${role}:${Object.keys(parts[0] ?? {})[0]}`);

describe('a turn of its own', () => {
  test('goes back as it came, signatures and all', () => {
    const talk = new Conversation().user('go');
    const { raw } = turn(talk, call('file_read', 'c1'));
    expect(contents(talk)).toContainEqual({ role: 'model', parts: raw });
  });

  test('is followed by one answer for each call, in the order of the calls', () => {
    const talk = new Conversation().user('go');
    turn(talk, call('a', 'c1'), call('b', 'c2'));
    talk.result(call('b', 'c2'), 'no such file', false).result(call('a', 'c1'), 'text');
    expect(contents(talk).at(-1)).toEqual({
      role: 'user',
      parts: [
        { functionResponse: { name: 'a', response: { output: 'text' } } },
        { functionResponse: { name: 'b', response: { error: 'no such file' } } },
      ],
    });
  });

  test('F080 has an answer also for the calls that were not run', () => {
    const talk = new Conversation().user('go');
    const message = turn(talk, call('a', 'c1'), call('b', 'c2'));
    talk.messages[1] = { ...message, calls: message.calls.slice(0, 1) };
    talk.result(call('a', 'c1'), 'text');
    const notRun = { functionResponse: { name: 'b', response: { error: 'This call was not run.' } } };
    expect(contents(talk).at(-1)?.parts[1]).toEqual(notRun);
  });
});

test('of two calls that demand consent, the permitted one stays a call with a signature, the other becomes words', () => {
  const talk = new Conversation().user('go');
  const [a, b] = [call('a', 'c1'), call('b', 'c2')];
  const { raw, ...message } = turn(talk, a, b);
  const safety_decision = { decision: 'require_confirmation' };
  const demanding = (raw as { functionCall: { name: string; args: object } }[]).map(({ functionCall }) => ({
    functionCall: { ...functionCall, args: { ...functionCall.args, safety_decision } },
  }));
  talk.messages[1] = { ...message, raw: demanding };
  talk.result(a, 'Not run: the user rejected this call.', false);
  talk.messages.push({ role: 'tool', callId: 'c2', name: 'b', output: 'Done.', success: true, confirmed: true });
  expect(contents(talk).slice(-2)).toEqual([
    {
      role: 'model',
      parts: [
        { text: 'I requested a call of a with {"a":1}.' },
        { ...demanding[1], thoughtSignature: 'skip_thought_signature_validator' },
      ],
    },
    {
      role: 'user',
      parts: [
        { functionResponse: { name: 'b', response: { output: 'Done.', safety_acknowledgement: 'true' } } },
        { text: 'Not run: the user rejected this call.' },
      ],
    },
  ]);
});

test('a turn of another model is sent again with the signature that skips validation', () => {
  const talk = new Conversation().user('go').replied('Hm.', [call('a', 'c1')], 'demo');
  expect(contents(talk).find(({ role }) => role === 'model')?.parts).toEqual([
    { text: 'Hm.' },
    { functionCall: { name: 'a', args: { a: 1 } }, thoughtSignature: 'skip_thought_signature_validator' },
  ]);
});

test('a turn without a word is left out', () =>
  expect(kinds(contents(new Conversation().user('go').replied('')))).toEqual(['user:text', 'user:text']));

describe('the task of the turn', () => {
  const place = (talk: Conversation) => contents(talk).findIndex(({ parts }) => parts[0]?.text === 'Do step 1.');

  test('comes last when a step begins, so that the user has the word', () => {
    expect(place(new Conversation().user('go').replied('Did it.'))).toBe(2);
  });

  test('comes after the plan', () => {
    const talk = new Conversation().user('go');
    turn(talk, call('make_plan', 'p1'));
    expect(place(talk)).toBe(3);
  });

  test('stays before the calls of the step', () => {
    const talk = new Conversation().user('go').replied('Did it.');
    turn(talk, call('a', 'c1'));
    turn(talk, call('b', 'c2'));
    expect(kinds(contents(talk))).toEqual([
      ...['user:text', 'model:text', 'user:text', 'model:functionCall', 'user:functionResponse'],
      ...['model:functionCall', 'user:functionResponse'],
    ]);
  });

  test('is absent where the loop does not use it', () =>
    expect(kinds(contents(new Conversation().user('go'), { note: '' }))).toEqual(['user:text']));
});

test('a hint stands last, after the calls', () => {
  const talk = new Conversation().user('go');
  turn(talk, call('a', 'c1'));
  const expected = { role: 'user', parts: [{ text: 'You repeat yourself.' }] };
  expect(contents(talk, { hint: 'You repeat yourself.' }).at(-1)).toEqual(expected);
});
