import { describe, expect, test } from 'vitest';
import type { TurnPart } from '../../../src/agents/models/model.ts';
import { retryDelay } from '../../../src/agents/models/retry.ts';
import {
  functionCall,
  type GeminiReply,
  internalError,
  parts,
  refusal,
  text,
  tooManyRequests,
} from '../../support/agents/fake-gemini.ts';
import { canaryKey, geminiBench, modelOver } from '../../support/agents/gemini.ts';
import { ask, played } from '../../support/agents/models.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

async function outcomeOf(...replies: GeminiReply[]) {
  await using server = await geminiBench(replies);
  return (await played(server.model, ask())).outcome;
}

describe('F075 too many requests', () => {
  const busy = { kind: 'failed', code: 'model_rate_limited', retryable: true };
  const date = new Date(manualClock().now() + 20_000).toUTCString();

  test('with a delay in the body', async () => {
    expect(await outcomeOf(tooManyRequests('3.2s'))).toMatchObject({ ...busy, retryAfterMs: 3_200 });
  });
  test.each([
    ['seconds', '7', 7_000],
    ['a date', date, 20_000],
  ])('with %s in the header', async (_what, header, retryAfterMs) => {
    const reply = refusal(429, 'RESOURCE_EXHAUSTED', 'Slow down.', { headers: { 'retry-after': header } });
    expect(await outcomeOf(reply)).toMatchObject({ ...busy, retryAfterMs });
  });
  test('with neither', async () => {
    const outcome = await outcomeOf(tooManyRequests());
    expect(outcome).toMatchObject(busy);
    expect(outcome).not.toHaveProperty('retryAfterMs');
  });
  test('of one turn has no effect on another turn at the same time', async () => {
    await using server = await geminiBench((request) => {
      const first = JSON.stringify(request.body).includes('first');
      return refusal(429, 'X', 'Slow down.', first ? { headers: { 'retry-after': '9' } } : {});
    });
    const turns = ['first', 'second'].map((system) => played(server.model, ask({ system })));
    const [first, second] = await Promise.all(turns);
    expect(first?.outcome).toHaveProperty('retryAfterMs', 9_000);
    expect(second?.outcome).not.toHaveProperty('retryAfterMs');
  });
});

describe('F076 a failing provider', () => {
  test.each([500, 502, 503, 529])('can be retried after a %i', async (status) => {
    expect(await outcomeOf(refusal(status, 'INTERNAL', 'Oh no.'))).toMatchObject({ kind: 'failed', retryable: true });
  });

  test('is a provider error when it persists', async () => {
    expect(await outcomeOf(internalError())).toMatchObject({ code: 'provider_error' });
  });

  test('succeeds after the retries of the policy', async () => {
    await using server = await geminiBench([
      tooManyRequests('1s'),
      internalError(),
      { chunks: [text('At last.', 'STOP')] },
    ]);
    for (let attempt = 1; ; attempt++) {
      const { outcome, text: said } = await played(server.model, ask());
      if (outcome?.kind === 'finished') {
        expect([attempt, said]).toEqual([3, 'At last.']);
        break;
      }
      expect(outcome && retryDelay(outcome, attempt, () => 0)).toBeGreaterThan(0);
    }
  });

  test('an error inside the stream has the same effect as its status', async () => {
    const error = { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } };
    expect(await outcomeOf({ chunks: [text('Hel'), error] })).toMatchObject({
      code: 'model_overloaded',
      retryable: true,
    });
  });
});

describe('F077 an error that no retry can fix', () => {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }];
  test.each([
    ['a bad request', refusal(400, 'INVALID_ARGUMENT', 'Invalid value.'), 'model_rejected'],
    [
      'a bad key',
      refusal(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', { details }),
      'model_unauthorized',
    ],
    ['no key', refusal(401, 'UNAUTHENTICATED', 'Missing credential.'), 'model_unauthorized'],
    ['no right', refusal(403, 'PERMISSION_DENIED', 'Not allowed.'), 'model_unauthorized'],
    ['no such model', refusal(404, 'NOT_FOUND', 'models/x is not found for API version v1beta.'), 'model_unknown'],
    [
      'too long a conversation',
      refusal(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      ),
      'model_context',
    ],
  ])('%s', async (_what, reply, code) => {
    expect(await outcomeOf(reply)).toMatchObject({ kind: 'failed', code, retryable: false });
  });

  test("the provider's own message is passed on, without the address and the key", async () => {
    const outcome = await outcomeOf(refusal(400, 'INVALID_ARGUMENT', `Key ${canaryKey} is odd.`, { details }));
    expect(outcome).toMatchObject({
      message: expect.stringContaining('answered 400: Key [key] is odd. Set GEMINI_API_KEY'),
    });
    expect(JSON.stringify(outcome)).not.toMatch(/127\.0\.0\.1|canary/);
  });
});

describe('F078 silence', () => {
  test.each([
    ['before the first byte', 'silence', 0],
    ['before the first word', { chunks: [], after: 'stall' }, 0],
    ['in the middle of a reply', { chunks: [text('Hel')], after: 'stall' }, 2],
  ] satisfies [string, GeminiReply, number][])(
    '%s ends the turn after a minute, with the text so far',
    async (_when, reply, said) => {
      await using server = await geminiBench([reply]);
      const clock = manualClock();
      const all: TurnPart[] = [];
      const playing = (async () => {
        for await (const part of modelOver(server, { clock }).turn(ask(), new AbortController().signal)) all.push(part);
      })();
      await expect.poll(() => [server.requests.length, all.length, clock.pending()]).toEqual([1, said, 1]);
      clock.advance(59_999);
      expect(all.at(-1)?.type).not.toBe('end');
      clock.advance(1);
      await playing;
      const message = 'gemini/gemini-2.5-flash sent nothing for 60 s.';
      expect(all.at(-1)).toEqual({
        type: 'end',
        outcome: { kind: 'failed', code: 'model_stalled', message, retryable: true },
      });
      expect(clock.pending()).toBe(0);
    },
  );

  test('caused by a slow reader of the turn does not count', async () => {
    await using server = await geminiBench([{ chunks: [text('Hel'), text('lo', 'STOP')] }]);
    const clock = manualClock();
    let last: TurnPart | undefined;
    for await (const part of modelOver(server, { clock }).turn(ask(), new AbortController().signal)) {
      if (part.type === 'text') clock.advance(120_000);
      last = part;
    }
    expect(last).toMatchObject({ outcome: { kind: 'finished' } });
  });

  test('at a port without a listener is reported at once', async () => {
    const { outcome } = await played(modelOver({ url: 'http://127.0.0.1:1' }), ask());
    expect(outcome).toMatchObject({ kind: 'failed', code: 'model_unavailable', retryable: true });
  });
});

test('a reader that stops early disconnects the provider', async () => {
  await using server = await geminiBench([{ chunks: [text('Hel')], after: 'stall' }]);
  for await (const part of server.model.turn(ask(), new AbortController().signal)) if (part.type === 'text') break;
  await expect.poll(() => server.leavers()).toBe(1);
});

describe('F079 a stream that is cut off', () => {
  const called = parts([functionCall('shell_exec', { command: 'rm -r x' })]);
  const half = `data: ${JSON.stringify(called).slice(0, 60)}`;

  test.each([
    ['after a whole call', { chunks: [text('I will'), called], after: 'cut' }],
    ['in the middle of a call', { chunks: [text('I will')], tail: half, after: 'cut' }],
    ['in the middle of a call, politely', { chunks: [text('I will')], tail: half }],
    ['before it says how it ended, politely', { chunks: [text('I will'), called] }],
    ['by something that is no JSON', { chunks: [text('I will')], tail: 'data: {"candidates": oops}\r\n\r\n' }],
  ] satisfies [string, GeminiReply][])('%s yields no call, and a retry can help', async (_where, reply) => {
    await using server = await geminiBench([reply]);
    const { calls, outcome } = await played(server.model, ask());
    expect(calls).toEqual([]);
    expect(outcome).toMatchObject({ kind: 'failed', code: 'model_unavailable', retryable: true });
  });
});
