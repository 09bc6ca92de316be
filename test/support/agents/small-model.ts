import { toPromptPieces } from '../../../src/agents/models/conversation.ts';
import type { Message, Model, TurnRequest } from '../../../src/agents/models/model.ts';
import type { ScriptLine } from './scripted.ts';
import { functionModel } from './scripted.ts';

export const window = 32_000;

/** Four characters per token, for everything that is sent to the provider. */
export const tokensOf = ({ system, tools, messages, note = '', hint = '' }: TurnRequest): number =>
  Math.ceil(JSON.stringify([system, tools, messages, note, hint]).length / 4);

/** A model with a small window that refuses what real providers refuse: too much, and a call without its result. */
export function smallModel(
  decide: (request: TurnRequest) => readonly ScriptLine[],
): Model & { readonly requests: TurnRequest[] } {
  const model = functionModel((request) => {
    const problem = orphanOf(request.messages);
    if (problem) return [failed('model_rejected', problem)];
    const tokens = tokensOf(request);
    if (tokens > window - 4_096) return [failed('model_context', `${tokens} tokens are too many.`)];
    const lines = decide(request);
    const has = (type: string) => lines.some((line) => 'type' in line && line.type === type);
    if (has('end')) return lines;
    const usage = { inputTokens: tokens, outputTokens: 50 };
    return [...lines, { type: 'end', outcome: { kind: 'finished', stop: has('call') ? 'calls' : 'done', usage } }];
  });
  return {
    ...model,
    requests: model.requested,
    name: 'small/one',
    abilities: { ...model.abilities, window, maxOutput: 4_096 },
  };
}

const failed = (code: 'model_rejected' | 'model_context', message: string): ScriptLine => ({
  type: 'end',
  outcome: { kind: 'failed', code, message, retryable: false },
});

function orphanOf(messages: readonly Message[]): string | undefined {
  const open = new Set<string>();
  for (const message of messages) {
    if (message.role === 'tool') {
      if (!open.delete(message.callId)) return `The result of ${message.callId} has no call.`;
      continue;
    }
    if (open.size > 0) return `The call ${[...open][0]} has no result.`;
    if (message.role === 'assistant') for (const { callId } of message.calls) open.add(callId);
  }
  return open.size > 0 ? `The call ${[...open][0]} has no result.` : undefined;
}

/** The fraction of a request's bytes with which the next request begins. */
export function sharedBeginning(earlier: TurnRequest, later: TurnRequest): number {
  const [a, b] = [earlier, later].map(({ hint: _hint, ...request }) =>
    JSON.stringify([request.system, request.tools, toPromptPieces(request)]),
  );
  if (a === undefined || b === undefined) return 0;
  const whole = a.slice(0, -2); // the brackets that close the list
  let same = 0;
  while (same < whole.length && whole[same] === b[same]) same++;
  return same / whole.length;
}
