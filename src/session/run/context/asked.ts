import type { Message } from '../../../llm/model.ts';

/** One named part of a system prompt. */
export interface PromptSection {
  readonly part: string;
  readonly text: string;
}

/** The messages that a request takes from the conversation. */
export interface Taken {
  /** The number of records that the conversation has: messages and compactions. */
  readonly length: number;
  /** For a summary: only messages before this place. */
  readonly upto?: number | undefined;
  /** For a summary: results have only so many characters. */
  readonly most?: number | undefined;
  /** A cut reply that the request continues. It is not in the conversation. */
  readonly begun?: Message | undefined;
}

/** Names a request in the fact of its usage. */
export interface RequestProof {
  readonly turn: number;
  /** The SHA-256 of all that the model saw. */
  readonly requestHash: string;
  /** In epoch ms. */
  readonly askedAt: number;
}
