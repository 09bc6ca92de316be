import { z } from 'zod';
import type { Message, ToolDeclaration, TurnPhase } from '../../../agents/models/model.ts';
import { digestOf, digestOfText } from '../../../core/text/digest.ts';
import { MessageSelection, type PromptSection } from '../context/message-selection.ts';

// The record of one request to a model. Its id is `<session>:<turn>`; a text's is `<session>:<hash>`.

export const requestKind = 'request';
export const requestTextKind = 'request-text';
export const requestIdOf = (turn: number): string => String(turn).padStart(8, '0');

/** The parts of a system prompt as one text. */
export const joinedSections = (sections: readonly PromptSection[]): string =>
  sections.map(({ text }) => text).join('\n\n');

const Hash = z.string().regex(/^[0-9a-f]{64}$/);

export const StoredRequest = z.object({
  turn: z.int(),
  runId: z.string(),
  model: z.string(),
  /** The hash of everything that the model saw, see `hashOfRequest`. */
  requestHash: Hash,
  from: MessageSelection,
  phase: z.custom<TurnPhase>(),
  system: Hash,
  tools: Hash,
  note: Hash.optional(),
  noteAt: z.int().optional(),
  earlier: z.array(z.object({ before: z.int(), note: Hash })).optional(),
  hint: z.string().optional(),
  mustCall: z.string().optional(),
  runFrom: z.int().optional(),
  sampling: z.custom<object>().optional(),
  /** The hashes of the pictures that were sent, in base64, by their files. */
  pictures: z.record(z.string(), Hash).optional(),
});
export type StoredRequest = z.infer<typeof StoredRequest>;

/** The frame of a request: its texts as hashes, and what is short. */
export type Frame = Omit<StoredRequest, 'turn' | 'runId' | 'model' | 'requestHash' | 'from' | 'pictures'>;
export type Pictures = Readonly<Record<string, string>>;

/** The hash of a request. It can be made again from what is stored. */
export const hashOfRequest = (frame: Frame, messages: readonly Message[], pictures: Pictures): string =>
  digestOf({ ...frame, messages: messages.map((message) => digestOfMessage(message, pictures)) });

function digestOfMessage(message: Message, pictures: Pictures): string {
  if (message.role === 'assistant' || !message.pictures) return digestOf(message);
  const seen = message.pictures.map(({ file, mimeType }) => ({ file, mimeType, hash: pictures[file] }));
  return digestOf({ ...message, pictures: seen });
}

export const digestOfTools = (tools: readonly ToolDeclaration[]): string =>
  digestOf(tools.map((tool) => digestOf(tool)));

/** The hashes of the pictures whose bytes are there. */
export function picturesIn(messages: readonly Message[]): Pictures {
  const found = messages.flatMap((message) => (message.role === 'assistant' ? [] : (message.pictures ?? [])));
  return Object.fromEntries(
    found.flatMap(({ file, data }) => (data === undefined ? [] : [[file, digestOfText(data)] as const])),
  );
}
