import { z } from 'zod';
import type { Message } from '../../../agents/models/model.ts';

/** One named part of a system prompt. */
export const PromptSection = z.object({ part: z.string(), text: z.string() });
export type PromptSection = z.infer<typeof PromptSection>;

/** The messages that a request takes from the conversation. */
export const MessageSelection = z.object({
  /** The number of records that the conversation has: messages and compactions. */
  length: z.int(),
  /** The exclusive end index of the summarized messages. */
  upto: z.int().optional(),
  /** The characters that a summary's request keeps of each result before `upto`. */
  most: z.int().optional(),
  /** A cut reply that the request continues. It is not in the conversation. */
  begun: z.custom<Message>().optional(),
});
export type MessageSelection = z.infer<typeof MessageSelection>;

/** Names a request in the fact of its usage. */
export interface RequestProof {
  readonly turn: number;
  /** The SHA-256 of all that the model saw. */
  readonly requestHash: string;
  /** In epoch ms. */
  readonly askedAt: number;
}
