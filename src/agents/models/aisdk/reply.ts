import type { LanguageModelV4StreamPart, LanguageModelV4Usage, SharedV4ProviderMetadata } from '@ai-sdk/provider';
import { type JsonLimits, parseJson } from '../../../core/text/json.ts';
import { normalizeCallId } from '../conversation.ts';
import type { FailedTurn, ToolCall, TurnOutcome, TurnPart, TurnUsage } from '../model.ts';
import type { RawBlock } from './prompt.ts';

interface Options {
  readonly newId: () => string;
  readonly broken: () => FailedTurn;
}

/** Yields calls only at the end of the reply, so that a truncated reply produces no call to execute. */
export function createReplyReader({ newId, broken }: Options) {
  const blocks = new Map<string, { type: 'text' | 'reasoning'; text: string; meta: SharedV4ProviderMetadata }>();
  const calls: ToolCall[] = [];
  const begun = new Map<string, string>();
  let outcome: TurnOutcome | undefined;
  let reasoned = false;

  function* read(part: LanguageModelV4StreamPart): Generator<TurnPart> {
    switch (part.type) {
      case 'text-start':
      case 'reasoning-start':
        // starts a new paragraph
        if (part.type === 'reasoning-start' && reasoned) yield { type: 'reasoning', delta: '\n\n' };
        blocks.set(key(part), { type: kindOf(part.type), text: '', meta: part.providerMetadata ?? {} });
        return;
      case 'text-delta':
      case 'reasoning-delta': {
        const block = blocks.get(key(part));
        if (block) {
          block.text += part.delta;
          block.meta = merged(block.meta, part.providerMetadata);
        }
        reasoned ||= part.type === 'reasoning-delta' && part.delta !== '';
        if (part.delta !== '') yield { type: kindOf(part.type), delta: part.delta };
        return;
      }
      case 'text-end':
      case 'reasoning-end': {
        const block = blocks.get(key(part));
        blocks.delete(key(part));
        if (!block) return;
        yield raw({ type: block.type, text: block.text }, merged(block.meta, part.providerMetadata));
        return;
      }
      case 'tool-input-start':
        begun.set(part.id, part.toolName);
        return;
      case 'tool-call':
        begun.set(part.toolCallId, part.toolName);
        calls.push({ callId: part.toolCallId || `call_${newId()}`, name: part.toolName, args: parseArgs(part.input) });
        yield raw(
          { type: 'call', ...(part.toolCallId !== normalizeCallId(part.toolCallId) && { id: part.toolCallId }) },
          part.providerMetadata ?? {},
        );
        return;
      case 'finish':
        outcome = toOutcome(part.finishReason, toUsage(part.usage));
        return;
    }
  }

  function toOutcome({ unified, raw }: { unified: string; raw: string | undefined }, usage: TurnUsage): TurnOutcome {
    if (unified === 'length') return { kind: 'finished', stop: 'length', usage, cutCalls: [...begun.values()] };
    if (unified === 'content-filter')
      return { kind: 'finished', stop: 'refused', usage, reason: raw ?? 'content-filter' };
    const isWhole = unified === 'stop' || unified === 'tool-calls' || (unified === 'other' && raw !== undefined);
    return isWhole ? { kind: 'finished', stop: calls.length > 0 ? 'calls' : 'done', usage } : broken();
  }

  function* end(): Generator<TurnPart> {
    const last = outcome ?? broken();
    if (last.kind === 'finished' && last.stop === 'calls') for (const call of calls) yield { type: 'call', call };
    yield { type: 'end', outcome: last };
  }
  return { read, end };
}

const kindOf = (type: string): 'text' | 'reasoning' => (type.startsWith('text') ? 'text' : 'reasoning');
const key = ({ type, id }: { type: string; id: string }): string => `${kindOf(type)} ${id}`;

const raw = (block: RawBlock, meta: SharedV4ProviderMetadata): TurnPart => ({
  type: 'raw',
  part: { ...block, ...(Object.keys(meta).length > 0 && { meta }) },
});

/** Later data of a block replaces earlier data. For example, a signature arrives at the block's end. */
function merged(a: SharedV4ProviderMetadata, b: SharedV4ProviderMetadata | undefined): SharedV4ProviderMetadata {
  const all = { ...a };
  for (const [name, values] of Object.entries(b ?? {})) all[name] = { ...all[name], ...values };
  return all;
}

/** Allows arguments that contain the largest file that a tool writes. */
const argumentLimits: JsonLimits = { maxBytes: 16 * 1024 * 1024, maxDepth: 64, maxValues: 100_000 };
/** Text that is not JSON stays text, which the tool refuses. */
function parseArgs(input: string): unknown {
  if (['', 'null'].includes(input.trim())) return {};
  const asSent = parseJson(input, argumentLimits);
  const json = asSent.ok ? asSent : parseJson(repaired(input), argumentLimits);
  if (!json.ok) return input;
  const inner = typeof json.value === 'string' ? parseJson(json.value, argumentLimits) : json; // encoded twice
  return inner.ok ? inner.value : json.value;
}

/** Small models wrap arguments in a fence, or write raw line breaks in strings. */
const repaired = (input: string): string => {
  const lines = input.trim().split('\n');
  const text =
    lines.length > 2 && lines[0]?.startsWith('```') && lines.at(-1) === '```' ? lines.slice(1, -1).join('\n') : input;
  return text.replace(/"[^"\\]*(?:\\[\s\S][^"\\]*)*"/g, (string) =>
    string.replace(/\p{Cc}/gu, (control) => JSON.stringify(control).slice(1, -1)),
  );
};

function toUsage({ inputTokens, outputTokens }: LanguageModelV4Usage): TurnUsage {
  const { total: input = 0, cacheRead = 0, cacheWrite = 0 } = inputTokens;
  return {
    inputTokens: input,
    outputTokens: outputTokens.total ?? 0,
    ...(cacheRead > 0 && { cachedTokens: cacheRead }),
    ...(cacheWrite > 0 && { cacheWrittenTokens: cacheWrite }),
    ...((outputTokens.reasoning ?? 0) > 0 && { reasoningTokens: outputTokens.reasoning as number }),
  };
}
