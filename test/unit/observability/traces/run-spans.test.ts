import { describe, expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import { buildRunSpans } from '../../../../src/observability/traces/run-spans.ts';
import { asks, assistantMessage, fact, runId, sessionId } from '../../../support/machines/session-parts.ts';

const hidden = { agent: 'default', content: false, maxChars: 100 };
const call = { callId: 'c1', tool: 'shell', function: 'shell_exec', args: { command: 'make' } } as const;
const called = (more: object = {}) =>
  fact('tool.called', { ...call, success: true, output: 'secret output', content: null, ...more });
const usage = { model: 'gemini/gemini-3-pro', inputTokens: 100, outputTokens: 20, cachedTokens: 60 };
const ended = (more: object = {}) => fact('run.end', { status: 'completed', reason: 'completed', task: 'x', ...more });

/** Events a second apart. */
const logged = (...facts: readonly SessionFact[]): SessionEvent[] =>
  facts.map((one, n) => ({ ...one, seq: n + 1, sessionId, ts: 1_000 * (n + 1) }) as SessionEvent);
const whole = (...middle: readonly SessionFact[]) =>
  logged(asks('a secret question'), fact('run.started', { task: 'x', messageId: call.callId as never }), ...middle);

describe('the spans of a run', () => {
  test('are the run, its turns, its tool calls and the start of its sandbox, with their times', () => {
    const ready = fact('sandbox.phase', { phase: 'ready', ms: 700 }, null);
    const events = whole(
      ready,
      fact('usage', { ...usage, turn: 4, requestHash: 'ab', askedAt: 3_200 }),
      fact('tool.calling', call),
      called(),
      ended(),
    );
    const tree = buildRunSpans(events, runId(), hidden);
    expect(tree?.top).toMatchObject({ name: 'invoke_agent default', start: 1_000, end: 7_000 });
    expect(tree?.below.map(({ name, start, end }) => [name, start, end])).toEqual([
      ['start sandbox', 2_300, 3_000],
      ['chat gemini-3-pro', 3_200, 4_000],
      ['execute_tool shell_exec', 5_000, 6_000],
    ]);
  });

  test("have the attributes of OpenTelemetry's conventions for generative AI", () => {
    const events = whole(fact('usage', { ...usage, requestHash: 'ab' }), fact('tool.calling', call), called(), ended());
    const { top, below } = buildRunSpans(events, runId(), hidden) ?? { top: undefined, below: [] };
    expect(top?.attributes).toEqual({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.conversation.id': sessionId,
      'gen_ai.agent.name': 'default',
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 20,
      'corral.run.id': runId(),
      'corral.run.end_reason': 'completed',
    });
    expect(below[0]?.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.conversation.id': sessionId,
      'gen_ai.provider.name': 'gcp.gemini',
      'gen_ai.request.model': 'gemini-3-pro',
      'gen_ai.response.model': 'gemini-3-pro',
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 20,
      'gen_ai.usage.cache_read.input_tokens': 60,
      'corral.request.hash': 'ab',
    });
    expect(below[1]?.attributes).toEqual({
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.conversation.id': sessionId,
      'gen_ai.tool.name': 'shell_exec',
      'gen_ai.tool.call.id': 'c1',
      'gen_ai.tool.type': 'function',
    });
  });

  test('say of a failed run and of a failed call that they failed, and why', () => {
    const error = fact('run.error', { error: 'No key.' });
    const failed = ended({ status: 'failed', reason: 'failed', code: 'model_unauthorized' });
    const events = whole(fact('tool.calling', call), called({ success: false, reason: 'timed_out' }), error, failed);
    const tree = buildRunSpans(events, runId(), hidden);
    expect(tree?.top).toMatchObject({ error: 'No key.', attributes: { 'error.type': 'model_unauthorized' } });
    expect(tree?.below).toMatchObject([{ error: 'timed_out', attributes: { 'error.type': 'timed_out' } }]);
  });

  test('contain no messages, arguments or results', () => {
    const events = whole(fact('tool.calling', call), called(), assistantMessage('a secret answer'), ended());
    expect(JSON.stringify(buildRunSpans(events, runId(), hidden))).not.toMatch(/secret|make/);
  });

  test('contain them, cut, on request', () => {
    const events = whole(fact('tool.calling', call), called(), assistantMessage('s'.repeat(200)), ended());
    const tree = buildRunSpans(events, runId(), { ...hidden, content: true });
    const expected = { 'gen_ai.input.messages': 'a secret question', 'gen_ai.output.messages': 's'.repeat(100) };
    expect(tree?.top.attributes).toMatchObject(expected);
    expect(tree?.below[0]?.attributes).toMatchObject({
      'gen_ai.tool.call.arguments': '{"command":"make"}',
      'gen_ai.tool.call.result': 'secret output',
    });
  });

  test('are none while the run works', () => expect(buildRunSpans(whole(called()), runId(), hidden)).toBeUndefined());
});
