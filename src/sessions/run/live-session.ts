import type { QueuedRun } from '../../../machines/session.ts';
import type { AppError } from '../../core/errors/errors.ts';
import type { FactOf, SessionFact } from '../../core/model/events.ts';
import type { MessageId, RunId, SessionId } from '../../core/model/ids.ts';
import type { ConcurrentAmounts } from '../../core/model/runs/budget-limits.ts';
import { addGoalToTask, type Goal } from '../../core/model/runs/goal.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { DesktopFactTracker } from './desktop-facts.ts';
import type { RunProgress, RunWriter } from './log/run-writer.ts';
import type { SessionWriter } from './log/session-writer.ts';
import type { Transcript } from './log/transcript.ts';

export interface LiveSession {
  readonly id: SessionId;
  readonly writer: SessionWriter;
  readonly transcript: Transcript;
  runWriter: RunWriter | undefined;
  task: string;
  client: SandboxClient | undefined;
  isPaused: boolean;
  readonly held: { runId?: RunId | undefined; sandbox?: ConcurrentAmounts | undefined };
  /** Cause of the sandbox's last failure, for the operator's log only. */
  sandboxFailure: AppError | undefined;
  readonly desktop: DesktopFactTracker;
  readonly attached: Map<MessageId, readonly string[]>;
}

interface FirstMessage {
  readonly messageId: MessageId;
  readonly task: string;
  readonly attachments?: readonly string[] | undefined;
  readonly goal?: Goal | undefined;
}
export const createRunProgress = ({ messageId, task, attachments = [], goal }: FirstMessage): RunProgress => ({
  steps: [],
  openCalls: [],
  requests: [],
  inbox: [{ messageId, text: addGoalToTask(task, goal), ...(attachments.length > 0 && { attachments }) }],
  checked: [],
});

export function deliverToRun(live: LiveSession, facts: readonly SessionFact[]): void {
  for (const fact of facts) {
    if (fact.type === 'approval.resolved') live.runWriter?.answered(fact.data);
    if (fact.type !== 'message.user') continue;
    const { messageId, text, attachments }: FactOf<'message.user'>['data'] = fact.data;
    if (fact.runId === live.runWriter?.runId) live.runWriter.hear({ messageId, text, attachments });
    else if (attachments.length > 0) live.attached.set(messageId, attachments);
  }
}

export type FactBatch = {
  readonly facts: readonly SessionFact[];
  readonly answer?: { readonly commandId: string; readonly messageId: MessageId; readonly runId: RunId };
  readonly decided?: { readonly commandIds: readonly string[]; readonly value: unknown };
  readonly stops?: { readonly commandIds: readonly string[]; readonly value: { readonly stopped: boolean } };
  readonly goal?: Goal | undefined;
};
export type BrokenRun = { readonly run: QueuedRun; readonly error: unknown };
