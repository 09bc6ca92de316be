import { afterEach, describe, expect, test } from 'vitest';
import { collectTurn } from '../../../src/agents/models/collect.ts';
import type { Message, Model, ToolDeclaration, TurnRequest } from '../../../src/agents/models/model.ts';
import { modelAt } from '../../support/agents/fake-models/models.ts';
import { type FakeProvider, fakeKey, fakeProvider, wires } from '../../support/agents/fake-models/server.ts';
import type { FakeReply, WireName } from '../../support/agents/fake-models/wire-format.ts';
import { ask, played } from '../../support/agents/models.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { modelContract } from './model.ts';

// The behaviour that every wire format shares.

const open: FakeProvider[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server[Symbol.asyncDispose]();
});
type ModelOptions = Parameters<typeof modelAt>[2];
async function bench(
  wire: WireName,
  replies: Parameters<typeof fakeProvider>[1],
  limits = {},
  options: ModelOptions = {},
) {
  const server = await fakeProvider(wire, replies, limits);
  open.push(server);
  return { server, model: await modelAt(wire, server.url, options) };
}
const signal = new AbortController().signal;
const shell: ToolDeclaration = {
  name: 'shell_exec',
  description: 'Runs a command.',
  parameters: {
    type: 'object',
    properties: { command: { type: 'string', description: 'The command.' } },
    required: ['command'],
    additionalProperties: false,
  },
};
const exec = (command: string) => ({ name: 'shell_exec', args: { command } });
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

/** A conversation as the loop keeps it. */
class Conversation {
  readonly messages: Message[] = [];
  user(text: string, pictures?: { file: string; mimeType: string; data: string }[]): this {
    this.messages.push({ role: 'user', text, ...(pictures && { pictures }) });
    return this;
  }
  async turn(model: Model, more: Partial<TurnRequest> = {}) {
    const request = ask({ messages: this.messages, tools: [shell], ...more });
    const taken = this.messages.flatMap((it) => (it.role === 'assistant' ? it.calls.map(({ callId }) => callId) : []));
    const options = { model: model.name, onDelta: () => {}, takenIds: new Set(taken) };
    const turn = await collectTurn(model.turn(request, signal), options);
    if (turn.outcome.kind === 'finished') this.messages.push(turn.message);
    return turn;
  }
  results(output = 'done'): this {
    const last = this.messages.at(-1);
    if (last?.role !== 'assistant') throw new Error('no reply to answer');
    for (const { callId, name } of last.calls)
      this.messages.push({ role: 'tool', callId, name, output, success: true });
    return this;
  }
}

for (const wire of Object.keys(wires) as WireName[]) {
  modelContract(wire, {
    answers: async () => (await bench(wire, [{ text: 'Hello.' }])).model,
    fails: async () => (await bench(wire, [{ status: 429, message: 'Slow down.' }])).model,
    hangs: async () => (await bench(wire, [{ text: 'Hello.', after: 'stall' }])).model,
  });

  describe(`the wire format of ${wire}`, () => {
    test('counts all tokens, and says what they cost', async () => {
      const { model } = await bench(wire, [{ text: 'Hi.' }]);
      const { outcome } = await played(model, ask());
      expect(outcome).toMatchObject({
        kind: 'finished',
        usage: { inputTokens: 120, cachedTokens: 40, outputTokens: 42, reasoningTokens: 33, cost: expect.any(Number) },
      });
    });

    test('brings three parallel calls with ids of their own, and takes their results back', async () => {
      const { model, server } = await bench(wire, [{ calls: [exec('a'), exec('b'), exec('c')] }, { text: 'Done.' }]);
      const talk = new Conversation().user('Work.');
      const { message } = await talk.turn(model);
      expect(message.calls.map(({ args }) => args)).toEqual([{ command: 'a' }, { command: 'b' }, { command: 'c' }]);
      expect(new Set(message.calls.map(({ callId }) => callId)).size).toBe(3);
      expect([(await talk.results().turn(model)).message.text, server.refusals]).toEqual(['Done.', []]);
    });

    test('keeps reasoning apart from the text, and sends it back as its provider wants', async () => {
      const replies = [
        { reasoning: 'Hm.', text: 'Look.', calls: [exec('a')] },
        { reasoning: 'So.', calls: [exec('b')] },
        { text: 'Ok.' },
      ];
      const { model, server } = await bench(wire, replies);
      const talk = new Conversation().user('Work.');
      const { message } = await talk.turn(model);
      expect(message.text).toBe('Look.');
      await talk.results().turn(model);
      expect([(await talk.results().turn(model)).message.text, server.refusals]).toEqual(['Ok.', []]);
      const kept = wire === 'compatible' ? 'So.' : `${wire}-signature-1`;
      expect(JSON.stringify(server.requests.at(-1)?.body)).toContain(kept);
    });

    test('shows pictures of a message and of a result', async () => {
      const { model, server } = await bench(wire, [{ calls: [exec('a')] }, { text: 'A pixel.' }]);
      const picture = { file: 'a.png', mimeType: 'image/png', data: pixel };
      const talk = new Conversation().user('See.', [picture]);
      await talk.turn(model);
      talk.results();
      const result = talk.messages.at(-1);
      if (result?.role === 'tool') talk.messages.splice(-1, 1, { ...result, pictures: [picture] });
      await talk.turn(model);
      expect(JSON.stringify(server.requests.at(-1)?.body).split(pixel)).toHaveLength(3);
      expect(server.refusals).toEqual([]);
    });

    test('cuts at the length limit without a call to run, and names the cut call', async () => {
      const cut = { text: 'I', calls: [exec('a')], stop: 'length' } as const;
      const { model, server } = await bench(wire, [cut, { text: 'Again.' }]);
      const talk = new Conversation().user('Work.');
      const { message, outcome } = await talk.turn(model);
      expect(message.calls).toEqual([]);
      expect(outcome).toMatchObject({ kind: 'finished', stop: 'length', cutCalls: ['shell_exec'] });
      expect((await talk.user('Send it smaller.').turn(model)).message.text).toBe('Again.');
      expect(server.refusals).toEqual([]);
    });

    test('tells a refusal of the content with its reason', async () => {
      const { model } = await bench(wire, [{ text: 'No.', stop: 'refused' }]);
      const { outcome } = await played(model, ask());
      expect(outcome).toMatchObject({ kind: 'finished', stop: 'refused', reason: expect.stringMatching(/\w/) });
    });

    test('asks for a call in words where it cannot be forced', async () => {
      const { model, server } = await bench(wire, [{ calls: [exec('a')] }]);
      await new Conversation().user('Plan.').turn(model, { mustCall: 'shell_exec' });
      expect(server.refusals).toEqual([]);
      const body = JSON.stringify(server.requests[0]?.body);
      expect(body.includes('one call of the tool shell_exec')).toBe(!model.abilities.forcedTool);
    });

    test('leaves out sampling options that its model refuses', async () => {
      const { model, server } = await bench(wire, [{ text: 'Hi.' }]);
      await played(model, ask({ sampling: { temperature: 0.3 } }));
      expect(server.refusals).toEqual([]);
    });

    const wrongKey = { status: 401, message: 'bad key', name: 'authentication_error' };
    const noModel = { status: 404, message: 'no such model', name: 'not_found_error' };
    test.each([
      ['a wrong key', wrongKey, 'model_unauthorized', /KEY_OF_/],
      ['an unknown model', noModel, 'model_unknown', /setting model/],
      ['no quota', { status: 429, message: 'Your credit balance is too low.' }, 'model_quota', /no quota left/],
      ['refused content', { status: 400, message: 'Blocked by the content policy.' }, 'model_refused', /rephrase it/],
      ['another mistake', { status: 400, message: 'Bad tool.' }, 'model_rejected', /Bad tool/],
    ])('F077 says of %s what to change, and that a retry is of no use', async (_what, reply, code, words) => {
      const { model } = await bench(wire, [reply]);
      const { outcome } = await played(model, ask());
      expect(outcome).toMatchObject({ kind: 'failed', code, retryable: false, message: expect.stringMatching(words) });
    });

    test('F077 never echoes the key that the provider quotes', async () => {
      const { model } = await bench(wire, [], { key: 'another' });
      const { outcome } = await played(model, ask());
      expect(outcome).toMatchObject({ kind: 'failed', code: 'model_unauthorized' });
      expect(JSON.stringify(outcome)).not.toContain(fakeKey);
    });

    test('F077 says that a conversation is too long for the window', async () => {
      const { model } = await bench(wire, [], { window: 500 });
      const { outcome } = await played(model, ask({ messages: [{ role: 'user', text: 'word '.repeat(1_000) }] }));
      expect(outcome).toMatchObject({ kind: 'failed', code: 'model_context', retryable: false });
    });

    test.each([
      ['seconds', { 'retry-after': '7' }, 7_000],
      ['no delay', {}, undefined],
      ['a date', { 'retry-after': new Date(9_000).toUTCString() }, 9_000], // the test's clock is at 0
    ])('F075 takes the delay of a 429 with %s', async (_what, headers, ms) => {
      const { model } = await bench(wire, [{ status: 429, message: 'Slow down.', headers }]);
      const { outcome } = await played(model, ask());
      expect(outcome).toMatchObject({ kind: 'failed', code: 'model_rate_limited', retryable: true });
      expect(outcome?.kind === 'failed' && outcome.retryAfterMs).toBe(ms);
    });

    test.each([500, 502, 503, 529])('F076 lets a %i be tried again', async (status) => {
      const { model } = await bench(wire, [{ status, message: 'Overloaded.' }]);
      expect((await played(model, ask())).outcome).toMatchObject({ kind: 'failed', retryable: true });
    });

    test('F078 gives up a provider that cannot be reached, and names its address setting', async () => {
      const model = await modelAt(wire, 'http://127.0.0.1:1');
      const { outcome } = await played(model, ask());
      expect(outcome).toMatchObject({ kind: 'failed', code: 'model_unavailable', retryable: true });
      expect(outcome?.kind === 'failed' && outcome.message).toContain('base-url');
    });

    test.each([
      ['no byte', 'silence'],
      ['a stream that stalls', { text: 'Hello.', after: 'stall' }],
    ] as const)('F078 gives up %s after a minute, and keeps the text', async (_what, reply) => {
      const clock = manualClock();
      const { server, model } = await bench(wire, [reply], {}, { clock });
      const turn = played(model, ask());
      await expect.poll(() => server.requests.length).toBe(1);
      const waking = setInterval(() => clock.advance(20_000), 20);
      const { outcome, text } = await turn.finally(() => clearInterval(waking));
      expect(outcome).toMatchObject({ kind: 'failed', code: 'model_stalled', retryable: true });
      expect(text).toBe(reply === 'silence' ? '' : 'Hello.');
    });

    test.each(['cut', 'unfinished'] as const)('F079 runs no call of a stream that was %s', async (after) => {
      const { model } = await bench(wire, [{ text: 'I will.', calls: [exec('rm')], after }]);
      const { outcome, calls, text } = await played(model, ask({ tools: [shell] }));
      expect(outcome).toMatchObject({ kind: 'failed', retryable: true });
      expect([calls, text]).toEqual([[], 'I will.']);
    });

    test('F080 passes a call of an unknown tool and 200 parallel calls on, and at most 16 are kept', async () => {
      const many = Array.from({ length: 200 }, (_, n) => exec(`${n}`));
      const calls = [{ name: 'nothing_like_it', args: {} }, ...many];
      const { model, server } = await bench(wire, [{ calls }, { text: 'Ok.' }]);
      const talk = new Conversation().user('Work.');
      const { message, refused } = await talk.turn(model);
      expect([message.calls.length, refused.length]).toEqual([16, 185]);
      expect(message.calls[0]?.name).toBe('nothing_like_it');
      expect([(await talk.results().turn(model)).message.text, server.refusals]).toEqual(['Ok.', []]);
    });

    test('F081 an empty reply is an empty turn and no failure', async () => {
      const { model } = await bench(wire, [{}]);
      expect((await played(model, ask())).outcome).toMatchObject({ kind: 'finished', stop: 'done' });
    });

    test('F082 leaves a reply of 11 MB, and says so', { tags: ['nightly'] }, async () => {
      const { model } = await bench(wire, [{ text: 'x'.repeat(11 * 1024 * 1024) }]);
      const { outcome } = await new Conversation().user('Talk.').turn(model);
      expect(outcome).toMatchObject({ kind: 'failed', code: 'model_rejected', retryable: false });
    });

    test('F085 brings strange characters as they are', async () => {
      const strange = 'a\u0000b \u202e \u001b[31m __proto__';
      const { model } = await bench(wire, [{ text: strange, calls: [exec(strange)] }]);
      const { text, calls } = await played(model, ask({ tools: [shell] }));
      expect([text, calls[0]?.args]).toEqual([strange, { command: strange }]);
    });
  });
}

test.each(['anthropic', 'openai', 'compatible'] as const)(
  'F080 calls of %s whose arguments are not JSON keep them as text, and go back as an object',
  async (wire) => {
    const { model, server } = await bench(wire, [{ calls: [{ ...exec('a'), text: '{"command": ' }] }, { text: 'Ok.' }]);
    const talk = new Conversation().user('Work.');
    const { message } = await talk.turn(model);
    expect(message.calls[0]?.args).toBe('{"command": ');
    expect([(await talk.results('Invalid.').turn(model)).message.text, server.refusals]).toEqual(['Ok.', []]);
  },
);

test.each([
  [['gemini', 'anthropic', 'openai', 'compatible']],
  [['compatible', 'openai', 'gemini', 'anthropic']],
  [['anthropic', 'gemini', 'compatible', 'openai']],
] as [WireName[]][])('a conversation that changes its provider midway, %j, is accepted by each', async (order) => {
  const talk = new Conversation().user('Work.');
  const benches = [];
  for (const wire of order) {
    const here = await bench(wire, [
      { reasoning: 'Hm.', text: 'Next.', calls: [exec(wire), exec('more')] },
      { reasoning: 'So.', calls: [exec(wire)] },
      { text: 'Done.' },
    ]);
    benches.push(here);
    const { outcome } = await talk.turn(here.model);
    expect(outcome).toMatchObject({ stop: 'calls' });
    talk.results();
    expect((await talk.turn(here.model)).outcome).toMatchObject({ stop: 'calls' });
    talk.results(); // the next provider continues in the middle of this turn
  }
  for (const { model, server } of benches) {
    expect([(await talk.user('And now?').turn(model)).message.text, server.refusals]).toEqual(['Done.', []]);
  }
});

test('a Claude model with a thinking budget continues without thinking in a turn that another model began', async () => {
  const gemini = await bench('gemini', [{ calls: [exec('a')] }]);
  const options = { name: 'anthropic/claude-sonnet-4-5', reasoning: 'low' } as const;
  const { server, model } = await bench('anthropic', [{ text: 'Done.' }, { text: 'Done.' }], {}, options);
  const talk = new Conversation().user('Work.');
  await talk.turn(gemini.model);
  await talk.results().turn(model);
  await talk.user('Think now.').turn(model);
  expect(server.refusals).toEqual([]);
  expect(server.requests.map(({ body }) => body.thinking?.type)).toEqual([undefined, 'enabled']);
});

test('Anthropic gets marks to cache the system prompt and the two newest messages, and no hint', async () => {
  const { model, server } = await bench('anthropic', [{ calls: [exec('a')] }, { text: 'Done.' }]);
  const talk = new Conversation().user('Work.');
  await talk.turn(model);
  await talk.results().turn(model, { hint: 'Hurry.' });
  const { system, messages } = server.requests[1]?.body ?? {};
  expect(JSON.stringify(system)).toContain('cache_control');
  const marked = messages.flatMap(({ content }: { content: { cache_control?: object; type: string }[] }) =>
    content.filter((block) => block.cache_control).map(({ type }) => type),
  );
  expect(marked).toEqual(['text', 'tool_result']);
});

test('OpenAI gets the cache key of the conversation, and stores nothing', async () => {
  const { model, server } = await bench('openai', [{ text: 'Hi.' }]);
  await played(model, ask({ cacheKey: 'ses-1' }));
  expect(server.requests[0]?.body).toMatchObject({ prompt_cache_key: 'ses-1', store: false });
});

describe('the reasoning of OpenAI', () => {
  const thinking = { reasoning: 'Two files.\n\nThe second first.', text: 'Look.', calls: [exec('a')] };
  const reasoned = (body: { input: { type: string }[] } | undefined) =>
    body?.input.filter(({ type }) => type === 'reasoning');
  const thoughts = ({ parts }: Awaited<ReturnType<typeof played>>) =>
    parts.flatMap((part) => (part.type === 'reasoning' ? [part.delta] : [])).join('');

  test('comes as a summary for people, and goes back encrypted in one piece', async () => {
    const { model, server } = await bench('openai', [thinking, thinking, { text: 'Done.' }]);
    expect(thoughts(await played(model, ask()))).toBe('Two files.\n\nThe second first.');
    const talk = new Conversation().user('Work.');
    await talk.turn(model);
    await talk.results().turn(model);
    expect(server.requests[0]?.body.reasoning).toEqual({ summary: 'auto' });
    expect(reasoned(server.requests[2]?.body)).toMatchObject([
      { encrypted_content: 'openai-signature-1', summary: [{ text: 'Two files.' }, { text: 'The second first.' }] },
    ]);
    expect(server.refusals).toEqual([]);
  });

  test('requests no summary once OpenAI refuses one, and still goes back encrypted', async () => {
    const replies = (request: { body: { reasoning?: { summary?: string } } }, n: number): FakeReply => {
      const message = 'Your organization must be verified to generate reasoning summaries.';
      if (request.body.reasoning?.summary) return { status: 400, message };
      return n === 1 ? thinking : { text: 'Done.' };
    };
    const { server, model } = await bench('openai', replies);
    const talk = new Conversation().user('Work.');
    expect((await talk.turn(model)).message.text).toBe('Look.');
    expect((await talk.results().turn(model)).message.text).toBe('Done.');
    expect(server.requests.map(({ body }) => body.reasoning?.summary)).toEqual(['auto', undefined, undefined]);
    expect(reasoned(server.requests[2]?.body)).toMatchObject([
      { encrypted_content: 'openai-signature-1', summary: [] },
    ]);
  });

  test('is not requested where a model does not reason, or must not', async () => {
    const { server, model } = await bench('openai', [{ text: 'Hi.' }, { text: 'Hi.' }], {}, { name: 'openai/gpt-4.1' });
    await played(model, ask());
    await played(await modelAt('openai', server.url, { name: 'openai/gpt-5.1', reasoning: 'none' }), ask());
    expect(server.requests.map(({ body }) => body.reasoning?.summary)).toEqual([undefined, undefined]);
    expect(server.refusals).toEqual([]);
  });
});
