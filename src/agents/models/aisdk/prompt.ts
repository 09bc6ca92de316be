import type {
  LanguageModelV4FilePart,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4TextPart,
  LanguageModelV4ToolResultPart,
  SharedV4ProviderOptions,
} from '@ai-sdk/provider';
import {
  describePicture,
  normalizeCallId,
  type PromptPiece,
  type ToolMessage,
  toPromptPieces,
} from '../conversation.ts';
import type { AssistantMessage, Picture, ToolCall, TurnRequest } from '../model.ts';
import type { ProviderAdapter } from './provider-adapter.ts';

/** Sent back in later requests. `meta`: provider data. `id`: the provider's call id, if different from Corral's. */
export type RawBlock =
  | { readonly type: 'text' | 'reasoning'; readonly text: string; readonly meta?: SharedV4ProviderOptions }
  | { readonly type: 'call'; readonly meta?: SharedV4ProviderOptions; readonly id?: string };

interface Options {
  /** `provider/model`. Only replies from this model keep their reasoning and signatures. */
  readonly name: string;
  readonly adapter: ProviderAdapter;
  readonly images: boolean;
}

/** The result never ends with an assistant message. */
export function toAiSdkPrompt(request: TurnRequest, options: Options): LanguageModelV4Prompt {
  const pieces = toPromptPieces(request);
  const turnFrom = pieces.findLastIndex(({ kind }) => kind === 'user');
  const [before, inTurn] = [false, true].map((isOpen): Form => ({ ...options, isOpen })) as [Form, Form];
  const messages: LanguageModelV4Message[] = [];
  for (const [at, piece] of pieces.entries()) messages.push(...toMessages(piece, at > turnFrom ? inTurn : before));
  if (messages.at(-1)?.role === 'assistant') messages.push(userMessage([text('Continue.')]));
  const { cacheMark } = options.adapter;
  if (cacheMark) mark(messages, pieces.at(-1)?.kind === 'hint' ? 1 : 0, cacheMark);
  const system = { role: 'system', content: request.system, ...(cacheMark && { providerOptions: cacheMark }) } as const;
  return request.system === '' ? messages : [system, ...messages];
}

/** Whether another model made the newest calls, which this request answers. */
export function continuesAnotherModel(request: TurnRequest, name: string): boolean {
  const last = request.messages.findLast(({ role }) => role !== 'tool');
  return last?.role === 'assistant' && last.calls.length > 0 && last.model !== name;
}

/** Marks only two messages for caching, because providers accept only a few marks. */
function mark(messages: LanguageModelV4Message[], skipped: number, providerOptions: SharedV4ProviderOptions): void {
  const own = messages.flatMap(({ role }, at) => (role === 'assistant' ? [] : [at]));
  for (const at of own.slice(0, own.length - skipped).slice(-2)) {
    const message = messages[at];
    if (message) messages[at] = { ...message, providerOptions };
  }
}

type Form = Options & { readonly isOpen: boolean };

function toMessages(piece: PromptPiece, form: Form): readonly LanguageModelV4Message[] {
  if (piece.kind === 'hint') return [userMessage([text(piece.text)])];
  if (piece.kind === 'user') {
    const lines = piece.text === '' && piece.pictures.length > 0 ? [] : [text(piece.text)];
    return [userMessage([...lines, ...piece.pictures.flatMap((picture) => pictureParts(picture, form.images))])];
  }
  return toReplyMessages(piece, form);
}

type Exchange = Extract<PromptPiece, { kind: 'reply' }>;

function toReplyMessages(piece: Exchange, options: Form): LanguageModelV4Message[] {
  const content = toContent(piece.reply, options);
  if (content.length === 0) return [];
  const reply: LanguageModelV4Message = { role: 'assistant', content };
  if (piece.answers.length === 0) return [reply];
  const isInside = options.adapter.pictures === 'inside';
  const after = isInside ? [] : piece.answers.flatMap((answer) => shown(answer, options.images));
  const ids = serverIds(piece.reply, options.name);
  return [
    reply,
    { role: 'tool', content: piece.answers.map((answer) => toResultPart(answer, ids, isInside && options.images)) },
    ...(after.length > 0 ? [userMessage([text('The pictures of these results:'), ...after])] : []),
  ];
}

type Content = Extract<LanguageModelV4Message, { role: 'assistant' }>['content'];

function toContent(reply: AssistantMessage, { name, adapter, isOpen }: Options & { isOpen: boolean }): Content {
  const isOwn = reply.model === name && reply.raw.length > 0;
  const ids = serverIds(reply, name);
  if (!isOwn)
    return [...(reply.text.trim() === '' ? [] : [text(reply.text)]), ...reply.calls.map((it) => callPart(it, ids))];
  const keepsReasoning = adapter.keepsReasoning === 'always' || isOpen;
  let calls = 0;
  const content = (reply.raw as readonly RawBlock[]).flatMap((block): Content => {
    const meta = block.meta && { providerOptions: block.meta };
    if (block.type === 'reasoning') return keepsReasoning ? [{ type: 'reasoning', text: block.text, ...meta }] : [];
    if (block.type === 'text') return block.text.trim() === '' ? [] : [{ ...text(block.text), ...meta }];
    const call = reply.calls[calls++];
    return call ? [{ ...callPart(call, ids), ...meta }] : []; // a missing call was cut off or exceeded the limit
  });
  // Providers refuse trailing reasoning.
  return content.slice(0, content.findLastIndex(({ type }) => type !== 'reasoning') + 1);
}

function serverIds({ model, raw }: AssistantMessage, name: string): ReadonlyMap<string, string> {
  const blocks = model === name ? (raw as readonly RawBlock[]) : [];
  const own = blocks.flatMap((block) => (block.type === 'call' && block.id ? [block.id] : []));
  return new Map(own.map((id) => [normalizeCallId(id), id]));
}

const callPart = ({ callId, name, args }: ToolCall, ids: ReadonlyMap<string, string>): Content[number] => ({
  type: 'tool-call',
  toolCallId: ids.get(callId) ?? normalizeCallId(callId),
  toolName: name,
  // Providers accept only objects as input.
  input: typeof args === 'object' && args !== null && !Array.isArray(args) ? args : { invalid: args ?? null },
});

function toResultPart(
  answer: ToolMessage,
  ids: ReadonlyMap<string, string>,
  images: boolean,
): LanguageModelV4ToolResultPart {
  const { callId, name, output, success } = answer;
  const pictures = images ? shown(answer, true) : [];
  const message = [output, ...wordsOf(answer, images)].join('\n');
  return {
    type: 'tool-result',
    toolCallId: ids.get(callId) ?? normalizeCallId(callId),
    toolName: name,
    output:
      pictures.length > 0
        ? { type: 'content', value: [...(message === '' ? [] : [text(message)]), ...pictures] }
        : { type: success ? 'text' : 'error-text', value: message },
  };
}

const wordsOf = ({ pictures = [] }: ToolMessage, images: boolean): string[] =>
  pictures.filter(({ data }) => !images || data === undefined).map(describePicture);

const shown = ({ pictures = [] }: ToolMessage, images: boolean): LanguageModelV4FilePart[] =>
  images ? pictures.flatMap((picture) => filePart(picture)) : [];

const pictureParts = (picture: Picture, images: boolean): (LanguageModelV4FilePart | LanguageModelV4TextPart)[] =>
  images && picture.data !== undefined ? filePart(picture) : [text(describePicture(picture))];

const filePart = ({ mimeType, data }: Picture): LanguageModelV4FilePart[] =>
  data === undefined ? [] : [{ type: 'file', mediaType: mimeType, data: { type: 'data', data } }];

const text = (words: string): LanguageModelV4TextPart => ({ type: 'text', text: words });
const userMessage = (content: (LanguageModelV4FilePart | LanguageModelV4TextPart)[]): LanguageModelV4Message => ({
  role: 'user',
  content,
});
