import type { AssistantMessage, Message, Picture, TurnRequest } from './model.ts';

export type ToolMessage = Extract<Message, { role: 'tool' }>;
type UserMessage = Extract<Message, { role: 'user' }>;

/** One piece of a conversation, in an order that every provider accepts. */
export type Piece =
  | { readonly kind: 'user'; readonly text: string; readonly pictures: readonly Picture[] }
  /** The loop's reminder for this turn only. */
  | { readonly kind: 'hint'; readonly text: string }
  /** A reply with one answer for each of its calls, in their order. */
  | { readonly kind: 'reply'; readonly reply: AssistantMessage; readonly answers: readonly ToolMessage[] };

/**
 * The request's conversation. Each call is followed by its answer, and a call without a result is answered as not run.
 * The note comes before the calls of the present step.
 */
export function piecesOf(request: TurnRequest): Piece[] {
  const results = new Map(
    request.messages.flatMap((message) => (message.role === 'tool' ? [[message.callId, message] as const] : [])),
  );
  const pieces = request.messages.flatMap((message): Piece[] => {
    if (message.role === 'user') return [userPiece(message)];
    if (message.role === 'tool') return []; // placed next to its call
    if (message.text === '' && message.calls.length === 0 && message.raw.length === 0) return [];
    const answers = message.calls.map(({ callId, name }): ToolMessage => results.get(callId) ?? notRun(callId, name));
    return [{ kind: 'reply', reply: message, answers }];
  });
  // After the calls of the step, a user's message would end the turn in which providers keep the reasoning behind them.
  const begun = pieces.findLastIndex((piece) => !isAct(piece)) + 1;
  return [
    ...pieces.slice(0, begun),
    ...(request.note ? [userPiece({ role: 'user', text: request.note })] : []),
    ...pieces.slice(begun),
    ...(request.hint ? [{ kind: 'hint', text: request.hint } as const] : []),
  ];
}

const userPiece = ({ text, pictures = [] }: UserMessage): Piece => ({ kind: 'user', text, pictures });

/** The answer to a call without a result. */
export const notRun = (callId: string, name: string): ToolMessage => ({
  role: 'tool',
  callId,
  name,
  output: 'This call was not run.',
  success: false,
});

/** Calls of work; a plan belongs to what precedes the work. */
const isAct = (piece: Piece): boolean =>
  piece.kind === 'reply' && piece.answers.length > 0 && !piece.reply.calls.some(({ name }) => name === 'make_plan');

/** The words for a picture that the model cannot see. */
export const pictureInWords = ({ file, mimeType }: Picture): string => `[picture ${file}, ${mimeType}, not shown]`;
