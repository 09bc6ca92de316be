import type { Message, PositionedNote, ToolDeclaration, TurnRequest, TurnUsage } from '../../../agents/models/model.ts';
import { createListFold, memoizeByKey } from '../../../core/text/list-fold.ts';

const assumed = 0.3; // tokens per UTF-8 byte, a high estimate
const plausible = { least: 0.1, most: 1.5 };
const pictureTokens = 1_500;

interface TokenHabits {
  readonly outputTokens: number;
  readonly cachedShare: number;
}

export class TokenEstimator {
  readonly #perByte = new Map<string, number>();
  readonly #habits = new Map<string, TokenHabits>();

  tokens(model: string, bytes: number): number {
    return Math.ceil(bytes * (this.#perByte.get(model) ?? assumed));
  }

  /** A missing or implausible input count does not change the estimate. */
  learn(model: string, bytes: number, { inputTokens, outputTokens, cachedTokens = 0 }: TurnUsage): void {
    const before = this.#habits.get(model)?.outputTokens ?? outputTokens;
    this.#habits.set(model, {
      outputTokens: Math.round((before + outputTokens) / 2),
      cachedShare: inputTokens > 0 ? Math.min(1, cachedTokens / inputTokens) : 0,
    });
    const perByte = inputTokens / bytes;
    if (perByte >= plausible.least && perByte <= plausible.most) this.#perByte.set(model, perByte);
  }

  habits(model: string): TokenHabits {
    return this.#habits.get(model) ?? { outputTokens: 0, cachedShare: 0 };
  }

  /** Call after the model has refused a request that was estimated to fit. */
  raise(model: string): void {
    this.#perByte.set(model, Math.min(plausible.most, (this.#perByte.get(model) ?? assumed) * 1.3));
  }
}

export const estimatePictureBytes = (messages: readonly Message[]): number =>
  findMessagesWithPictures(messages).reduce((sum, { pictures = [] }) => sum + pictures.length, 0) *
  (pictureTokens / assumed);

type Pictured = Exclude<Message, { role: 'assistant' }> & { readonly at: number };

export const findMessagesWithPictures = createListFold<Message, readonly Pictured[]>([], (found, message, at) =>
  message.role === 'assistant' || !message.pictures ? found : [...found, { ...message, at }],
);

type MeasuredRequest = Pick<TurnRequest, 'system' | 'messages' | 'tools'> &
  Partial<Pick<TurnRequest, 'note' | 'earlier' | 'hint'>>;

/** Counts an image as if it were text with the same number of tokens. */
export const countRequestBytes = ({
  system,
  messages,
  tools,
  note = '',
  earlier = [],
  hint = '',
}: MeasuredRequest): number =>
  Buffer.byteLength(system + note + hint) +
  noteBytes(earlier) +
  Math.max(2, toolBytes(tools)) +
  countConversationBytes(messages);

const noteBytes = createListFold(0, (sum, { text }: PositionedNote) => sum + Buffer.byteLength(text) + 1);
const bytesOfTool = memoizeByKey((tool: ToolDeclaration) => Buffer.byteLength(JSON.stringify(tool)));
const toolBytes = createListFold(1, (sum, tool: ToolDeclaration) => sum + bytesOfTool(tool) + 1);

export const countConversationBytes = createListFold(0, (sum, message: Message) => sum + countMessageBytes(message));

export const countMessageBytes = memoizeByKey((message: Message) => measured(message));

const frame = 40; // bytes for the role and name of each message

function measured(message: Message): number {
  if (message.role === 'assistant') {
    const own = Buffer.byteLength(JSON.stringify(message.raw));
    return frame + Math.max(own, Buffer.byteLength(message.text) + Buffer.byteLength(JSON.stringify(message.calls)));
  }
  const pictures = (message.pictures?.length ?? 0) * (pictureTokens / assumed);
  return frame + Buffer.byteLength(message.role === 'user' ? message.text : message.output) + pictures;
}
