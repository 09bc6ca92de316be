import { describe, expect, test } from 'vitest';
import { collectTurn, isEmptyTurn, turnLimits } from '../../../../src/agents/models/collect.ts';
import type { TurnPart } from '../../../../src/agents/models/model.ts';

const usage = { inputTokens: 1, outputTokens: 1 };
const end = (stop: 'done' | 'calls'): TurnPart => ({ type: 'end', outcome: { kind: 'finished', stop, usage } });
const say = (delta: string): TurnPart => ({ type: 'text', delta });
const call = (callId: string, args: unknown = {}): TurnPart => ({
  type: 'call',
  call: { callId, name: 'file_read', args },
});

const received: string[] = [];
async function collect(parts: Iterable<TurnPart>, caps = turnLimits, takenIds?: ReadonlySet<string>) {
  received.length = 0;
  async function* stream() {
    yield* parts;
  }
  return await collectTurn(stream(), {
    model: 'scripted',
    onDelta: (delta) => received.push(delta),
    caps,
    ...(takenIds && { takenIds }),
  });
}

describe('a collected turn', () => {
  test('has the text of its deltas, reported as they come', async () => {
    const { message } = await collect([say('Look'), say(''), say('ing.'), end('done')]);
    expect(message).toEqual({ role: 'assistant', model: 'scripted', text: 'Looking.', calls: [], raw: [] });
    expect(received).toEqual(['Look', 'ing.']);
  });

  test('bears the name of the model that answered, which can be a fall-back', async () => {
    const { message } = await collect([say('Hi.'), { ...end('done'), model: 'local/other' } as TurnPart]);
    expect(message.model).toBe('local/other');
  });

  test('has no reasoning in its text, and keeps what the provider sent raw as it came', async () => {
    const part = { thoughtSignature: 'b64==', functionCall: { name: 'x' } };
    const { message } = await collect([
      { type: 'reasoning', delta: 'Hm.' },
      { type: 'raw', part },
      say('Hi.'),
      end('done'),
    ]);
    expect([message.text, message.raw]).toEqual(['Hi.', [part]]);
  });

  test('F079 without an end has failed, and has no calls but keeps its text; a retry can help', async () => {
    const { message, outcome } = await collect([say('I will'), call('a')]);
    expect(message).toMatchObject({ text: 'I will', calls: [] });
    expect(outcome).toMatchObject({ kind: 'failed', retryable: true });
  });

  test('F080 gives every call an id of its own', async () => {
    const { message } = await collect([call('a'), call('a'), call(''), call('a_2'), end('calls')]);
    const ids = message.calls.map(({ callId }) => callId);
    expect(ids[0]).toBe('a');
    expect(ids).not.toContain('');
    expect(new Set(ids).size).toBe(4);
  });

  test('F080 gives a call another id than all calls before it had', async () => {
    const { message } = await collect([call('a'), call('b'), end('calls')], turnLimits, new Set(['a', 'a_1']));
    const [renamed, kept] = message.calls.map(({ callId }) => callId);
    expect(['a', 'a_1', 'b']).not.toContain(renamed);
    expect(kept).toBe('b');
  });

  test('F080 takes at most 16 calls and names the others', async () => {
    const { message, refused } = await collect([...Array.from({ length: 200 }, (_, n) => call(`c${n}`)), end('calls')]);
    expect([message.calls.length, refused.length]).toEqual([16, 184]);
  });

  test.each<[string, boolean, TurnPart[]]>([
    ['blanks', true, [say(' \n'), end('done')]],
    ['a text', false, [say('ok'), end('done')]],
    ['a call', false, [call('a'), end('calls')]],
    ['no end', false, []],
  ])('F081 with %s is empty: %s', async (_what, isEmpty, parts) =>
    expect(isEmptyTurn(await collect(parts))).toBe(isEmpty),
  );

  test.each([
    ['text', say('x'.repeat(40))],
    ['reasoning', { type: 'reasoning', delta: 'x'.repeat(40) } satisfies TurnPart],
    ['arguments', call('a', { text: 'x'.repeat(40) })],
    ['raw parts', { type: 'raw', part: 'x'.repeat(40) } satisfies TurnPart],
  ])('F082 with endless %s is cut off and fails as too long', async (_what, part) => {
    let requests = 0;
    function* endless() {
      for (;;) {
        requests++;
        yield part;
      }
    }
    const { outcome } = await collect(endless(), { maxChars: 1_000, maxCalls: 16 });
    expect(outcome).toMatchObject({ kind: 'failed', code: 'model_rejected', retryable: false });
    expect(requests).toBeLessThan(30);
  });
});
