import { describe, expect, test } from 'vitest';
import type { TurnPart } from '../../../src/agents/models/model.ts';
import {
  functionCall,
  type GeminiReply,
  internalError,
  parts,
  refusal,
  text,
  tooManyRequests,
} from '../../support/agents/fake-gemini.ts';
import { geminiBench, modelOver } from '../../support/agents/gemini.ts';
import { ask, played } from '../../support/agents/models.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

async function outcomeOf(...replies: GeminiReply[]) {
  await using server = await geminiBench(replies);
  return (await played(server.model, ask())).outcome;
}

test('F075 a delay in the body of a 429 is taken', async () => {
  const busy = { kind: 'failed', code: 'model_rate_limited', retryable: true, retryAfterMs: 3_200 };
  expect(await outcomeOf(tooManyRequests('3.2s'))).toMatchObject(busy);
});

test('F076 an error inside the stream has the same effect as its status', async () => {
  const error = { error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } };
  const overloaded = { code: 'model_overloaded', retryable: true };
  expect(await outcomeOf({ chunks: [text('Hel'), error] })).toMatchObject(overloaded);
  expect(await outcomeOf(internalError())).toMatchObject({ code: 'provider_error', retryable: true });
});

const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }];
const tooLong = 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).';
test.each([
  [refusal(400, 'INVALID_ARGUMENT', 'API key not valid.', { details }), 'model_unauthorized'],
  [refusal(403, 'PERMISSION_DENIED', 'Not allowed.'), 'model_unauthorized'],
  [refusal(404, 'NOT_FOUND', 'models/x is not found for API version v1beta.'), 'model_unknown'],
  [refusal(400, 'INVALID_ARGUMENT', tooLong), 'model_context'],
])('F077 no retry can fix %j: %s', async (reply, code) =>
  expect(await outcomeOf(reply)).toMatchObject({ kind: 'failed', code, retryable: false }),
);

test('F078 a slow reader of the turn is not silence of the provider', async () => {
  await using server = await geminiBench([{ chunks: [text('Hel'), text('lo', 'STOP')] }]);
  const clock = manualClock();
  let last: TurnPart | undefined;
  for await (const part of modelOver(server, { clock }).turn(ask(), new AbortController().signal)) {
    if (part.type === 'text') clock.advance(120_000);
    last = part;
  }
  expect(last).toMatchObject({ outcome: { kind: 'finished' } });
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
