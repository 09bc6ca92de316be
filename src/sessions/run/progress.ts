import { createHash } from 'node:crypto';
import type { ProgressEntry } from '../../../machines/stuck.ts';
import type { Message, ToolCall } from '../../agents/models/model.ts';
import { makePlanTool } from '../../agents/tools/special.ts';
import type { RunId } from '../../core/model/ids.ts';
import type { ConversationEntry } from './log/conversation.ts';

// Entries for stuck detection. After a restart, they are rebuilt from the transcript.

type Result = Pick<Extract<Message, { role: 'tool' }>, 'output' | 'success' | 'pictures'>;

/** Unrelated failures without output look the same, so calls without output are not recorded as failed. */
export function createProgressEntry(
  { name, args }: Pick<ToolCall, 'name' | 'args'>,
  { output, success, pictures }: Result,
): ProgressEntry {
  const isSilent = output.replace(/^\[exit code [^\]]*\]/, '').trim() === '';
  const waits = isWait(name, args) || (pictures ?? []).length > 0; // an image may change while the text stays the same
  return {
    kind: 'call',
    action: computeShortHash(`${name} ${JSON.stringify(args)}`),
    result: computeShortHash(output),
    failed: !success && !isSilent,
    ...(waits && { waits }),
  };
}

const waitingWords = new Set(['wait', 'sleep', 'poll', 'watch', 'status', 'progress', 'view', 'snapshot']);
const sleeps = /\b(sleep|start-sleep|timeout \/t)\b\W*[\d.$]/i; // in shells, Python, PowerShell or JavaScript

function isWait(name: string, args: unknown): boolean {
  if (name.split('_').some((word) => waitingWords.has(word))) return true;
  const texts = typeof args === 'object' && args !== null ? Object.entries(args) : [];
  return texts.some(([key, value]) =>
    key === 'action' ? value === 'wait' : typeof value === 'string' && sleeps.test(value),
  );
}

/** A final text reply is omitted, because the run requests it again. */
export function listProgressEntries(
  entries: readonly ConversationEntry[],
  runId: RunId,
  since: number,
): readonly ProgressEntry[] {
  const calls = new Map<string, ToolCall>();
  const acts: ProgressEntry[] = [];
  let ofTurn = new Set<string>();
  for (const { message, ...entry } of entries) {
    if (entry.runId !== runId) continue;
    const counts = (entry.seq ?? 0) >= since;
    if (message.role === 'assistant') {
      ofTurn = new Set();
      for (const call of message.calls) calls.set(call.callId, call);
      const isWhole = message.model !== ''; // an empty model name marks an interrupted reply
      if (message.calls.length === 0 && counts && isWhole)
        acts.push({ kind: 'text', text: computeShortHash(message.text) });
    }
    const call = message.role === 'tool' ? calls.get(message.callId) : undefined;
    if (message.role !== 'tool' || !call || call.name === makePlanTool.name || !counts) continue;
    const act = createProgressEntry(call, message);
    const key = JSON.stringify(act);
    if (!ofTurn.has(key)) acts.push(act);
    ofTurn.add(key);
  }
  return acts.at(-1)?.kind === 'text' ? acts.slice(0, -1) : acts;
}

export const computeShortHash = (text: string): string =>
  createHash('sha256').update(text).digest('base64url').slice(0, 16);
