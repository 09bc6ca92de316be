import { describe, expect, test } from 'vitest';
import { collectTurn } from '../../../src/agents/models/collect.ts';
import { makePlanTool } from '../../../src/agents/tools/special.ts';
import { ending, functionCall, parts, text, usage } from '../../support/agents/fake-gemini.ts';
import { canaryKey, geminiBench } from '../../support/agents/gemini.ts';
import { ask, played } from '../../support/agents/models.ts';

const signal = new AbortController().signal;
const shell = {
  name: 'shell_exec',
  description: 'Run a command.',
  parameters: { type: 'object', properties: { command: { type: 'string' } } },
};

describe('a request to Gemini', () => {
  test('goes to the documented address, with the key in a header and nowhere else', async () => {
    await using server = await geminiBench([{ chunks: [text('Hi', 'STOP')] }]);
    await played(server.model, ask());
    const [request] = server.requests;
    expect(request?.path).toBe('/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse');
    expect(request?.headers['x-goog-api-key']).toBe(canaryKey);
    expect(request?.path + JSON.stringify(request?.body)).not.toContain(canaryKey);
  });

  test('carries the system prompt and the tools, and requires a call of one of them', async () => {
    await using server = await geminiBench([{ chunks: [ending('STOP')] }]);
    await played(server.model, ask({ phase: { kind: 'plan' }, tools: [makePlanTool], mustCall: 'make_plan' }));
    expect(server.requests[0]?.body).toMatchObject({
      systemInstruction: { parts: [{ text: 'Working directory: /workspace' }] },
      tools: [
        { functionDeclarations: [{ name: 'make_plan', parameters: { type: 'object', required: ['title', 'steps'] } }] },
      ],
      toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['make_plan'] } },
      contents: [{ role: 'user', parts: [{ text: 'hello' }] }],
    });
  });

  test('carries the sampling settings when there are any', async () => {
    await using server = await geminiBench([{ chunks: [text('Hi', 'STOP')] }, { chunks: [text('Hi', 'STOP')] }]);
    const sampling = { temperature: 0, topP: 0.5, topK: 3, maxOutputTokens: 100, stop: ['END'] };
    await played(server.model, ask({ sampling }));
    await played(server.model, ask());
    expect(server.requests[0]?.body.generationConfig).toEqual({ ...sampling, stop: undefined, stopSequences: ['END'] });
    expect(server.requests[1]?.body.generationConfig).toEqual({});
  });
});

describe('a reply of Gemini', () => {
  test('yields its text as it arrives, its cost, and no thoughts', async () => {
    const thought = { text: 'Let me see', thought: true };
    await using server = await geminiBench([{ chunks: [parts([thought]), text('Hel'), text('lo ✓', 'STOP')] }]);
    const { deltas, outcome } = await played(server.model, ask());
    expect(deltas).toEqual(['Hel', 'lo ✓']);
    expect(outcome).toEqual({
      kind: 'finished',
      stop: 'done',
      usage: {
        inputTokens: usage.promptTokenCount,
        outputTokens: usage.candidatesTokenCount + usage.thoughtsTokenCount,
        reasoningTokens: usage.thoughtsTokenCount,
      },
    });
  });

  test('is sent back unchanged on the next turn', async () => {
    const sent = [
      { text: '', thoughtSignature: 'first==' },
      functionCall('shell_exec', { command: 'a' }, 'second=='),
      { somethingNew: { kept: true } },
    ];
    await using server = await geminiBench([
      { chunks: [parts(sent), ending('STOP')] },
      { chunks: [text('Done', 'STOP')] },
    ]);
    const request = ask({
      phase: { kind: 'act', stepIndex: 0, step: { id: '1', description: 'x', status: 'running' } },
      tools: [shell],
    });
    const turn = server.model.turn(request, signal);
    const { message } = await collectTurn(turn, { model: server.model.name, onDelta: () => {} });
    const callId = message.calls[0]?.callId ?? '';
    const result = { role: 'tool', callId, name: 'shell_exec', output: 'out', success: true } as const;
    await played(server.model, { ...request, messages: [...request.messages, message, result] });
    const contents = server.requests[1]?.body.contents;
    expect(contents.at(-2)).toEqual({ role: 'model', parts: [...sent, { text: '' }] });
    expect(contents.at(-1).parts).toEqual([{ functionResponse: { name: 'shell_exec', response: { output: 'out' } } }]);
  });

  test.each([
    ['STOP', { kind: 'finished', stop: 'done' }],
    ['MAX_TOKENS', { kind: 'finished', stop: 'length' }],
    ['SAFETY', { kind: 'finished', stop: 'refused' }],
    ['PROHIBITED_CONTENT', { kind: 'finished', stop: 'refused' }],
    ['MALFORMED_FUNCTION_CALL', { kind: 'failed', code: 'provider_error', retryable: true }],
  ])('with finish reason %s has the matching outcome', async (reason, outcome) => {
    await using server = await geminiBench([{ chunks: [text('x', reason)] }]);
    expect((await played(server.model, ask())).outcome).toMatchObject(outcome);
  });

  test('to a blocked prompt is a refusal', async () => {
    await using server = await geminiBench([
      { chunks: [{ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: usage }] },
    ]);
    const expected = { kind: 'finished', stop: 'refused', reason: 'SAFETY' };
    expect((await played(server.model, ask())).outcome).toMatchObject(expected);
  });
});
