import { createHash } from 'node:crypto';
import { createListFold } from '../../core/text/list-fold.ts';
import type { AssistantMessage, Message, Picture, ToolCall, TurnRequest } from './model.ts';

export type ToolMessage = Extract<Message, { role: 'tool' }>;
type UserMessage = Extract<Message, { role: 'user' }>;

export type PromptPiece =
  | { readonly kind: 'user'; readonly text: string; readonly pictures: readonly Picture[] }
  | { readonly kind: 'hint'; readonly text: string }
  | { readonly kind: 'reply'; readonly reply: AssistantMessage; readonly answers: readonly ToolMessage[] };

/** A call without a result is reported as not run. */
export function toPromptPieces(request: TurnRequest): PromptPiece[] {
  // A loop is faster than array methods, and each turn reads the whole conversation.
  const results = new Map<string, ToolMessage>();
  for (const message of request.messages) if (message.role === 'tool') results.set(message.callId, message);
  const { messages, note, noteAt = findStepStart(messages), earlier = [] } = request;
  const notes = [...earlier, ...(note ? [{ before: noteAt, text: note }] : [])];
  const placed = Map.groupBy(notes, ({ before }) => before);
  const notesAt = (at: number) => (placed.get(at) ?? []).map(({ text }) => userPiece({ role: 'user', text }));
  const pieces: PromptPiece[] = [];
  for (const [at, message] of messages.entries()) {
    if (placed.has(at)) pieces.push(...notesAt(at));
    if (message.role === 'user') pieces.push(userPiece(message));
    if (message.role !== 'assistant') continue;
    if (message.text === '' && message.calls.length === 0 && message.raw.length === 0) continue;
    const answers = message.calls.map(
      ({ callId, name }): ToolMessage => results.get(callId) ?? toSkippedResult(callId, name),
    );
    pieces.push({ kind: 'reply', reply: message, answers });
  }
  pieces.push(...notesAt(messages.length));
  if (request.hint) pieces.push({ kind: 'hint', text: request.hint });
  return pieces;
}

/** The note's default position, before the step's calls: a user message after them makes providers drop reasoning. */
export const findStepStart = (messages: readonly Message[]): number => stepIn(messages).begins;

const stepIn = createListFold({ begins: 0, planned: [] as readonly ToolCall[] }, (step, message: Message, at) => {
  if (message.role === 'user') return { ...step, begins: at + 1 };
  if (message.role === 'assistant') return isAct(message) ? step : { begins: at + 1, planned: message.calls };
  return step.planned.some(({ callId }) => callId === message.callId) ? { ...step, begins: at + 1 } : step;
});

const userPiece = ({ text, pictures = [] }: UserMessage): PromptPiece => ({ kind: 'user', text, pictures });

export const toSkippedResult = (callId: string, name: string): ToolMessage => ({
  role: 'tool',
  callId,
  name,
  output: 'This call was not run.',
  success: false,
});

const isAct = ({ calls }: AssistantMessage): boolean =>
  calls.length > 0 && !calls.some(({ name }) => name === 'make_plan');

export const describePicture = ({ file, mimeType, leftOut }: Picture): string =>
  `[picture ${file}, ${mimeType}, not shown${leftOut === undefined ? '' : `: ${leftOut}`}]`;

/** Hashes an id that sandboxes or other providers would refuse. */
export const normalizeCallId = (id: string): string =>
  /^[A-Za-z0-9_-]{1,64}$/.test(id) ? id : `call_${createHash('sha256').update(id).digest('hex').slice(0, 32)}`;
