import { isDeepStrictEqual } from 'node:util';
import type { AssistantMessage } from '../../src/agents/models/model.ts';

type Reply = Pick<AssistantMessage, 'text' | 'calls'>;
/**
 * How two replies to one request differ, from largest to smallest: only one calls tools; they call different tools;
 * they call the same tools with different arguments; neither calls tools, and their texts differ.
 */
export const replyDifferences = ['kind', 'tools', 'arguments', 'text', 'none'] as const;
export type ReplyDifference = (typeof replyDifferences)[number];

/** Text next to calls is commentary and is not compared. */
export function compareReplies(one: Reply, other: Reply): ReplyDifference {
  if ((one.calls.length === 0) !== (other.calls.length === 0)) return 'kind';
  if (one.calls.length === 0) return words(one.text) === words(other.text) ? 'none' : 'text';
  const names = ({ calls }: Reply) => calls.map(({ name }) => name);
  if (!isDeepStrictEqual(names(one), names(other))) return 'tools';
  const args = ({ calls }: Reply) => calls.map((call) => call.args);
  return isDeepStrictEqual(args(one), args(other)) ? 'none' : 'arguments';
}

const words = (text: string): string => text.replace(/\s+/g, ' ').trim();
