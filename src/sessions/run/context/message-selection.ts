import { z } from 'zod';
import type { Message } from '../../../agents/models/model.ts';

export const PromptSection = z.object({ part: z.string(), text: z.string() });
export type PromptSection = z.infer<typeof PromptSection>;

export const MessageSelection = z.object({
  /** Number of messages and compactions in the conversation when the request was made. */
  length: z.int(),
  /** Exclusive end index of the summarized messages. */
  upto: z.int().optional(),
  /** Maximum number of characters per result before `upto` in a summary request. */
  most: z.int().optional(),
  /** Interrupted reply that the request continues. Not in the conversation. */
  begun: z.custom<Message>().optional(),
});
export type MessageSelection = z.infer<typeof MessageSelection>;

export interface RequestFingerprint {
  readonly turn: number;
  readonly requestHash: string;
  /** Epoch ms. */
  readonly askedAt: number;
}
