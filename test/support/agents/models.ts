import type { Message, Model, ToolCall, TurnOutcome, TurnPart, TurnRequest } from '../../../src/agents/models/model.ts';
import { createModel } from '../../../src/agents/models/registry.ts';
import { type Clock, systemClock } from '../../../src/core/contracts/clock.ts';

type Fetch = ReturnType<NonNullable<Parameters<typeof createModel>[1]['fetchWithin']>>;
/** A model at a compatible server, for which `fetch` stands. */
export const compatibleModel = (fetch: Fetch, clock: Clock = systemClock, ref = 'local/m') =>
  createModel(ref, {
    models: {
      ...{ compatible: { local: { baseUrl: 'http://127.0.0.1:9/v1', reach: 'private' } }, fallbacks: [] },
      ...{ catalog: {}, gemini: {}, openai: {}, anthropic: {} },
    } as never,
    clock,
    newId: () => 'n',
    random: () => 0,
    fetchWithin: () => fetch,
  });

export const ask = (request: Partial<TurnRequest> = {}): TurnRequest => ({
  phase: { kind: 'summarize' },
  system: 'Working directory: /workspace',
  messages: [{ role: 'user', text: 'hello' }],
  tools: [],
  ...request,
});

export async function played(model: Model, request: TurnRequest, signal = new AbortController().signal) {
  const all: TurnPart[] = [];
  for await (const part of model.turn(request, signal)) all.push(part);
  const deltas = all.flatMap((part) => (part.type === 'text' ? [part.delta] : []));
  const calls = all.flatMap((part) => (part.type === 'call' ? [part.call] : []));
  const end = all.at(-1);
  const outcome: TurnOutcome | undefined = end?.type === 'end' ? end.outcome : undefined;
  return { parts: all, deltas, text: deltas.join(''), calls, outcome };
}

export class Conversation {
  readonly messages: Message[] = [];

  user(text: string): this {
    this.messages.push({ role: 'user', text });
    return this;
  }
  replied(text: string, calls: readonly ToolCall[] = [], model = 'demo'): this {
    this.messages.push({ role: 'assistant', model, text, calls, raw: [] });
    return this;
  }
  result(call: ToolCall, output: string, success = true): this {
    this.messages.push({ role: 'tool', callId: call.callId, name: call.name, output, success });
    return this;
  }
}
