import { createInterface } from 'node:readline/promises';
import type { Event, GoalEnd, Run, RunResult } from '../client/index.ts';
import { exitCodes } from './command.ts';
import { type Io, toPrintable } from './io.ts';
import { createEventRenderer, formatCallLine } from './render.ts';

export interface FollowRunOptions {
  readonly json: boolean;
  readonly follow: boolean;
}

/** Resolves with the exit code. Without `io.canAsk`, or with `json`, also resolves when the run waits for input. */
export async function followRun(run: Run, io: Io, { json, follow }: FollowRunOptions): Promise<number> {
  const shown = createEventRenderer(io, { quiet: !follow || json });
  const result: { -readonly [Key in keyof RunResult]: RunResult[Key] } = {
    status: 'deleted',
    reason: 'deleted',
    text: '',
  };
  const approvals = new Map<string, Extract<Event, { type: 'approval.requested' }>['data']>();
  const stop = () => void run.stop().catch(() => {});
  io.signal.addEventListener('abort', stop, { once: true });
  let question: string | undefined;
  const ended = () =>
    finish(
      run,
      { ...result, ...(question !== undefined && { question }) },
      { io, json, approvals: [...approvals.values()] },
    );
  try {
    for await (const event of run) {
      if (json && follow) io.print(JSON.stringify(event));
      const repeatsRequest =
        (event.type === 'message.assistant' || event.type === 'message.delta') && event.data.waits === 'approval';
      if (!json && !repeatsRequest) shown.show(event);
      if (event.runId !== run.id) continue;
      if (event.type === 'message.assistant') result.text = event.data.text;
      if (event.type === 'run.error') result.error = event.data.error;
      if (event.type === 'approval.requested') approvals.set(event.data.callId, event.data);
      if (event.type === 'approval.resolved') approvals.delete(event.data.callId);
      if (event.type === 'run.resumed') question = undefined;
      if (event.type === 'run.wait') {
        question = event.data.question;
        if (!io.canAsk || json) return ended();
        shown.settle();
        const isShown = result.text.trim() === question.trim();
        await answer(run, { io, question: isShown ? '' : question, approvals: [...approvals.values()] });
      }
      if (event.type !== 'run.end') continue;
      const { status, reason, code, goal } = event.data;
      Object.assign(result, { status, reason, ...(code !== undefined && { code }), ...(goal && { goal }) });
      break;
    }
    shown.settle();
    return ended();
  } finally {
    io.signal.removeEventListener('abort', stop);
  }
}

interface RunOutcome extends RunResult {
  readonly question?: string;
}

interface FinishOptions extends Pick<QuestionToAnswer, 'approvals'> {
  readonly io: Io;
  readonly json: boolean;
}

function finish(run: Run, result: RunOutcome, { io, json, approvals }: FinishOptions): number {
  const isWaiting = result.question !== undefined && result.status === 'deleted';
  const status = isWaiting ? 'waiting' : result.status;
  if (json) io.print(JSON.stringify({ type: 'result', session: run.sessionId, run: run.id, ...result, status }));
  else if (isWaiting) {
    // The question of an approval is written for clients that answer in words.
    const calls = approvals.map((call) => `\n  ${formatCallLine(call)}`).join('');
    io.say(`The run is waiting${calls === '' ? `: ${toPrintable(result.question ?? '')}` : ` for approval:${calls}`}`);
    io.say(`Answer it with: corral chat --session ${run.sessionId}`);
  } else if (status !== 'completed') {
    const why = status === 'failed' && result.error ? `: ${toPrintable(result.error).replace(/[.]$/, '')}` : '';
    io.say(io.paint('stderr', status === 'failed' ? 'red' : 'yellow', `Run ${status}${why}.`));
  }
  if (status === 'waiting') return exitCodes.waiting.code;
  if (status === 'completed') return reportGoalEnd(result.goal, json ? undefined : io);
  if (io.signal.aborted) return exitCodes.interrupted.code;
  return exitCodes[status === 'failed' ? 'failed' : 'stopped'].code;
}

export function reportGoalEnd(goal: GoalEnd | undefined, io: Pick<Io, 'say' | 'paint'> | undefined): number {
  if (!goal) return exitCodes.ok.code;
  const isMet = goal.result === 'satisfied';
  const text = `The goal ${goalEnds[goal.result]}: ${toPrintable(goal.reason)}`;
  io?.say(io.paint('stderr', isMet ? 'green' : 'yellow', text));
  return isMet ? exitCodes.ok.code : exitCodes.unsatisfied.code;
}
const goalEnds = {
  satisfied: 'is satisfied',
  not_satisfied: 'is not satisfied',
  could_not_be_judged: 'could not be judged',
} as const;

interface QuestionToAnswer {
  readonly io: Io;
  /** Empty if the question was already shown as the agent's last message. */
  readonly question: string;
  readonly approvals: readonly {
    readonly callId: string;
    readonly function: string;
    readonly args: Record<string, unknown>;
    readonly reason?: string | undefined;
  }[];
}

async function answer(run: Run, { io, question, approvals }: QuestionToAnswer): Promise<void> {
  const lines = createInterface({ input: io.stdin, output: io.stderr });
  try {
    const ask = (text: string) => lines.question(io.paint('stderr', 'bold', text), { signal: io.signal });
    if (approvals.length === 0) {
      if (question !== '') io.say(toPrintable(question));
      await run.answer(await filled(ask));
    }
    for (const call of approvals) {
      const why = call.reason ? `\n${toPrintable(call.reason)}` : '';
      io.say(`Allow ${call.function}?\n  ${formatCallLine(call)}${why}`);
      const text = (await ask('[y]es, [n]o, or say why not: ')).trim();
      if (/^(y|yes)$/i.test(text)) await run.approve(call.callId);
      else await run.reject(call.callId, /^(n|no)?$/i.test(text) ? undefined : text);
    }
  } catch (thrown) {
    if (!io.signal.aborted) throw thrown;
  } finally {
    lines.close();
  }
}

async function filled(ask: (text: string) => Promise<string>): Promise<string> {
  for (;;) {
    const text = (await ask('> ')).trim();
    if (text !== '') return text;
  }
}
