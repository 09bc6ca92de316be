import { createHash } from 'node:crypto';
import type { RunAct } from '../../../machines/stuck.ts';
import type { Message, ToolCall } from '../../agents/models/model.ts';
import { makePlan } from '../../agents/tools/special.ts';
import type { RunId } from '../../core/model/ids.ts';
import type { Entry } from './log/conversation.ts';

// A run's acts for stuck detection. Each is made when a call ends; after a restart the transcript gives all of them.

type Result = Pick<Extract<Message, { role: 'tool' }>, 'output' | 'success' | 'pictures'>;

/** One call. A failure that says nothing, such as a search without a hit, is no error that different calls can share. */
export function toAct({ name, args }: Pick<ToolCall, 'name' | 'args'>, { output, success, pictures }: Result): RunAct {
  const isSilent = output.replace(/^\[exit code [^\]]*\]/, '').trim() === '';
  const waits = isWait(name, args) || (pictures ?? []).length > 0; // a picture can change under the same words
  return {
    kind: 'call',
    action: digest(`${name} ${JSON.stringify(args)}`),
    result: digest(output),
    failed: !success && !isSilent,
    ...(waits && { waits }),
  };
}

const waitingWords = new Set(['wait', 'sleep', 'poll', 'watch', 'status', 'progress', 'view', 'snapshot']);
const sleeps = /\b(sleep|start-sleep|timeout \/t)\b\W*[\d.$]/i; // in a shell, Python, PowerShell or JavaScript

/** Whether a call is there to wait or to look whether something has changed. MCP servers name such tools alike. */
function isWait(name: string, args: unknown): boolean {
  if (name.split('_').some((word) => waitingWords.has(word))) return true;
  const texts = typeof args === 'object' && args !== null ? Object.entries(args) : [];
  return texts.some(([key, value]) =>
    key === 'action' ? value === 'wait' : typeof value === 'string' && sleeps.test(value),
  );
}

/**
 * The acts of a run from a seq on. Equal calls of one reply are one act, as while the run works. A reply in words at the
 * end is left out, because the run asks for its last reply again.
 */
export function listActs(entries: readonly Entry[], runId: RunId, since: number): readonly RunAct[] {
  const calls = new Map<string, ToolCall>();
  const acts: RunAct[] = [];
  let ofTurn = new Set<string>();
  for (const { message, ...entry } of entries) {
    if (entry.runId !== runId) continue;
    const counts = (entry.seq ?? 0) >= since;
    if (message.role === 'assistant') {
      ofTurn = new Set();
      for (const call of message.calls) calls.set(call.callId, call);
      const isWhole = message.model !== ''; // else its end is still to come
      if (message.calls.length === 0 && counts && isWhole) acts.push({ kind: 'text', text: digest(message.text) });
    }
    const call = message.role === 'tool' ? calls.get(message.callId) : undefined;
    if (message.role !== 'tool' || !call || call.name === makePlan.name || !counts) continue;
    const act = toAct(call, message);
    const key = JSON.stringify(act);
    if (!ofTurn.has(key)) acts.push(act);
    ofTurn.add(key);
  }
  return acts.at(-1)?.kind === 'text' ? acts.slice(0, -1) : acts;
}

/** A short name of a text: equal texts have equal ones. */
export const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16);
