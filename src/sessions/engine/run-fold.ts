import type { JudgementProgress, PendingCall, RunResumeState, Verdict } from '../../../machines/run.ts';
import { applyVerdict, toPendingApproval } from '../../../machines/run-rules.ts';
import type { QueuedRun } from '../../../machines/session.ts';
import type { EventLog } from '../../core/contracts/ports.ts';
import { isNoteEvent } from '../../core/model/event-traits.ts';
import type { FactOf, PlanStep, SessionEvent } from '../../core/model/events.ts';
import type { MessageId, RunId, SessionId } from '../../core/model/ids.ts';
import { addGoalToTask, type Goal } from '../../core/model/runs/goal.ts';
import type { WaitReason } from '../../core/model/spending.ts';
import { addAmounts, addToolCall, addUsage, noSpending, toBudgetAmounts } from '../../core/model/spending.ts';
import type { StoredSession } from '../run/log/projection.ts';
import {
  type AnswerRequest,
  applyAnswer,
  type GoalCheckData,
  type OpenToolCall,
  type RunProgress,
  type UserMessage,
} from '../run/log/run-writer.ts';
import type { Transcript } from '../run/log/transcript.ts';
import { listProgressEntries } from '../run/progress.ts';

const pageSize = 500;

/** Includes events that are appended during the read. */
export async function* readEventsFrom(
  log: Pick<EventLog, 'page'>,
  id: SessionId,
  from: number,
): AsyncGenerator<SessionEvent> {
  let after = from - 1;
  for (;;) {
    const { events, head } = await log.page(id, after, pageSize);
    yield* events;
    after = events.at(-1)?.seq ?? head;
    if (after >= head) return;
  }
}

export class RunFold {
  readonly #inbox: UserMessage[] = [];
  #steps: readonly PlanStep[] = [];
  readonly #openCalls = new Map<string, OpenToolCall>();
  #waiting: string | undefined;
  readonly requests = new Map<string, AnswerRequest>();
  #decidedAt = 0;
  readonly #deciding = new Set<MessageId>();
  readonly #verdicts = new Map<string, Verdict>();
  #spending = noSpending;
  #reason: WaitReason | undefined;
  /**
   * `#worked`: working time before the last restart, without downtime. `#since`: the time of the run's last start or
   * continuation. `#last`: the time of its newest event.
   */
  #worked = 0;
  #since = 0;
  #last = 0;
  #open: { fact: FactOf<'message.delta'>; text: string } | undefined;
  /** Stuck detection starts at this seq. */
  #actsFrom = 0;
  #hinted = false;
  #goal: Goal | undefined;
  #judgement: JudgementProgress = { round: 0, revisions: 0, isOpen: false };
  #checked: readonly GoalCheckData[] = [];

  add(event: SessionEvent): void {
    const before = this.#last;
    this.#last = event.ts;
    if (event.type === 'child.started') this.#childStarted(event.data);
    if (isNoteEvent(event)) return;
    if (goesOn.has(event.type)) this.#judgement = { ...this.#judgement, isOpen: false };
    switch (event.type) {
      case 'run.started':
        this.#since = event.ts;
        break;
      case 'run.notice':
        if (event.data.kind === 'resumed_after_restart') this.#restarted(before, event.ts);
        if (event.data.kind === 'stuck') {
          this.#hinted = true;
          this.#actsFrom = event.seq;
        }
        break;
      case 'message.user':
        this.#goal ??= event.data.goal;
        this.#inbox.push(userMessage(event.data));
        break;
      case 'message.delta': {
        const same = this.#open?.fact.data.messageId === event.data.messageId;
        this.#open = { fact: event, text: (same ? (this.#open?.text ?? '') : '') + event.data.text };
        break;
      }
      case 'message.assistant':
        this.#open = undefined;
        break;
      case 'plan':
        this.#steps = event.data.steps;
        break;
      case 'step':
        this.#steps = this.#steps.map((step) => (step.id === event.data.id ? event.data : step));
        break;
      case 'tool.calling':
        this.#openCalls.set(event.data.callId, { ...event.data, logged: 0 });
        break;
      case 'tool.output': {
        const open = this.#openCalls.get(event.data.callId);
        if (open) this.#openCalls.set(open.callId, { ...open, logged: open.logged + event.data.text.length });
        break;
      }
      case 'tool.called':
        this.#openCalls.delete(event.data.callId);
        this.requests.delete(event.data.callId);
        this.#spending = addToolCall(this.#spending);
        break;
      case 'run.wait':
        this.#waiting = event.data.question;
        this.#reason = event.data.reason;
        break;
      case 'approval.requested':
        this.requests.set(event.data.callId, event.data);
        break;
      case 'approval.resolved': {
        const { callId, decision, text, args, result } = event.data;
        applyAnswer(this.requests, event.data);
        this.#verdicts.set(callId, {
          decision,
          ...(text !== undefined && { text }),
          ...(args && { args }),
          ...(result && { result }),
        });
        this.#decidedAt = event.seq;
        break;
      }
      case 'run.resumed':
        // A message that only answers approval requests does not change the plan.
        if (event.data.messageId && this.#decidedAt === event.seq - 1) this.#deciding.add(event.data.messageId);
        this.#waiting = this.#reason = undefined;
        this.#hinted = false;
        this.#actsFrom = event.seq;
        this.#spending = noSpending; // an answer grants the full budget again
        this.#worked = 0;
        this.#since = event.ts;
        break;
      case 'usage':
        this.#spending = addUsage(this.#spending, event.data);
        break;
      case 'goal':
        this.#judge(event);
        break;
      case 'title':
      case 'run.error':
      case 'run.end':
      case 'sandbox.phase':
      case 'sandbox.untrusted':
        break;
      default:
        event satisfies never;
    }
  }

  #childStarted({ callId, sessionId: child }: FactOf<'child.started'>['data']): void {
    const open = this.#openCalls.get(callId);
    if (open) this.#openCalls.set(callId, { ...open, child });
  }

  #judge({ data, seq }: FactOf<'goal'> & { readonly seq: number }): void {
    const { round, kind } = data;
    if (round !== this.#judgement.round) this.#checked = [];
    const revisions = this.#judgement.revisions + (kind === 'judged' && data.feedback ? 1 : 0);
    this.#judgement = { round, revisions, isOpen: kind !== 'judged' };
    if (kind === 'checked') this.#checked = [...this.#checked, data];
    if (kind !== 'judged' || !data.feedback) return;
    this.#inbox.push(data.feedback);
    this.#hinted = false;
    this.#actsFrom = seq;
  }

  #restarted(cutAt: number, now: number): void {
    if (this.#waiting !== undefined) return;
    this.#worked += cutAt - this.#since;
    this.#since = now;
    if (this.#openCalls.size === 0) this.#spending = addAmounts(this.#spending, { turns: 1 });
  }

  /** Known before the run starts. */
  get goal(): Goal | undefined {
    return this.#goal;
  }

  /** A message with deltas, but no `message.assistant` yet. */
  get openMessage(): { fact: FactOf<'message.delta'>; text: string } | undefined {
    return this.#open;
  }

  soFar(transcript: Transcript): RunProgress {
    const inbox = this.#inbox.filter(({ messageId }) => !transcript.hasMessage(messageId));
    const openCalls = [...this.#openCalls.values()];
    return { steps: this.#steps, openCalls, requests: [...this.requests.values()], inbox, checked: this.#checked };
  }

  resume(transcript: Transcript, runId: RunId, now: number): RunResumeState {
    const ofModel = transcript.openCalls(runId).map((call): PendingCall => {
      const verdict = this.#verdicts.get(call.callId);
      const pending = { ...call, begun: this.#openCalls.has(call.callId) };
      return verdict ? applyVerdict(pending, verdict) : pending;
    });
    const requests = [...this.requests.values()];
    const calls = [...ofModel, ...requests.filter(({ fixed }) => fixed).map(toPendingCall)];
    const isNews = ({ messageId }: UserMessage) => !transcript.hasMessage(messageId) && !this.#deciding.has(messageId);
    const unseen = this.#inbox.filter(isNews).length;
    const judgement = { ...this.#judgement, isOpen: this.#judgement.isOpen && unseen === 0 };
    const planned = this.#steps.length > 0;
    const approvals = requests.map((one) => toPendingApproval({ ...one, timeoutMs: Math.max(0, one.expiresAt - now) }));
    // An interrupted turn counts as spent, so that a turn that crashes the server is not repeated forever.
    const cut = calls.length === 0 && this.#waiting === undefined && !judgement.isOpen ? 1 : 0;
    const { turns, tokens, cost, toolCalls } = toBudgetAmounts(this.#spending);
    const isAnswer = calls[0]?.begun === true && calls[0].name === 'message_ask_user';
    const workedMs = this.#waiting === undefined ? this.#worked + this.#last - this.#since : 0;
    return {
      steps: this.#steps,
      calls,
      waiting: this.#waiting,
      // Before the first plan, the only unseen message is the task.
      unseen: planned && !isAnswer ? unseen : 0,
      spent: { turns: turns + cut, tokens, cost },
      toolCalls,
      ...(this.#reason && { reason: this.#reason }),
      workedMs,
      // A message received during the judgement gives the agent new work, so its earlier actions no longer count.
      acts: this.#goal && unseen > 0 ? [] : listProgressEntries(transcript.entries, runId, this.#actsFrom),
      hinted: this.#hinted,
      ...(this.#goal && { judgement }),
      ...(approvals.length > 0 && { approvals }),
    };
  }
}

/** Used for agents with their own loops, whose calls are not in the transcript. */
function toPendingCall(requested: AnswerRequest): PendingCall {
  const { callId, function: name, args, reason = '', content } = requested;
  return { callId, name, args, begun: false, confirm: reason, fixed: true, ...(content && { content }) };
}

/** Events that resume the agent's work and so end an unfinished judgement. */
const goesOn: ReadonlySet<string> = new Set([
  ...['run.resumed', 'message.delta', 'message.assistant', 'tool.calling', 'plan', 'step'],
]);

const userMessage = ({ messageId, text, attachments, goal }: FactOf<'message.user'>['data']): UserMessage => ({
  messageId,
  text: addGoalToTask(text, goal),
  ...(attachments.length > 0 && { attachments }),
});

export async function foldRuns(
  log: Pick<EventLog, 'page'>,
  record: StoredSession,
): Promise<{ runs: readonly StoredSession['openRuns'][number][]; folds: ReadonlyMap<RunId, RunFold> }> {
  const runs = record.openRuns.toSorted(
    (a, b) => Number(b.startedSeq !== null) - Number(a.startedSeq !== null) || a.seq - b.seq,
  );
  const folds = new Map<RunId, RunFold>();
  for (const { runId, startedSeq, hasGoal } of runs)
    if (startedSeq !== null || hasGoal) folds.set(runId, new RunFold());
  if (folds.size === 0) return { runs, folds };
  const from = Math.min(...runs.filter(({ runId }) => folds.has(runId)).map(({ seq }) => seq));
  for await (const event of readEventsFrom(log, record.id, from)) {
    if (event.runId !== null) folds.get(event.runId)?.add(event);
  }
  return { runs, folds };
}

export const toQueuedRun = (
  { runId, task, messageId }: StoredSession['openRuns'][number],
  { resume, goal }: { readonly resume: RunResumeState | undefined; readonly goal: Goal | undefined },
): QueuedRun => ({ runId, task, messageId, resume, ...(goal && { goal }) });
