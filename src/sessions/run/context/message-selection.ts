import { z } from 'zod';
import type { Message } from '../../../agents/models/model.ts';

/** A named part of a system prompt. */
export const PromptSection = z.object({ part: z.string(), text: z.string() });
export type PromptSection = z.infer<typeof PromptSection>;

/** The part of the conversation that a request contains. */
export const MessageSelection = z.object({
  /** The number of records in the conversation: messages and compactions. */
  length: z.int(),
  /** The exclusive end index of the summarized messages. */
  upto: z.int().optional(),
  /** In a request for a summary: the characters kept of each result before `upto`. */
  most: z.int().optional(),
  /** A broken-off reply that the request continues. It is not in the conversation. */
  begun: z.custom<Message>().optional(),
});
export type MessageSelection = z.infer<typeof MessageSelection>;

/** Identifies a request in its usage event. */
export interface RequestFingerprint {
  readonly turn: number;
  /** The SHA-256 of everything sent to the model. */
  readonly requestHash: string;
  /** Epoch ms. */
  readonly askedAt: number;
}
