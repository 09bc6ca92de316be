import {
  type Actor,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  fromCallback,
  fromPromise,
  fromTransition,
  type InputFrom,
  type PromiseActorLogic,
} from 'xstate';
import { type RunEnd, type RunInput, type RunPolicy, runMachine } from '../../../machines/run.ts';
import { type SandboxInput, type SandboxPolicy, sandboxMachine } from '../../../machines/sandbox.ts';
import type { QueuedRun, SessionInput } from '../../../machines/session.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { MessageId, RunId, SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import type { Goal, GoalResult } from '../../../src/core/model/runs/goal.ts';
import { manualClock } from './manual-clock.ts';

const hex = (n: number, length: number) => n.toString(16).padStart(length, '0');
export const sessionIdOf = (n: number) => SessionId.parse(hex(n, 16));
export const runIdOf = (n: number) => RunId.parse(`00000000-0000-4000-8000-${hex(n, 12)}`);
export const messageIdOf = (n: number) => MessageId.parse(`00000000-0000-4000-9000-${hex(n, 12)}`);

export const runPolicy: RunPolicy = {
  plans: false,
  budget: { turns: 50, ms: 600_000 },
  stuck: { sameResult: 4, sameError: 3, alternation: 6, sameText: 3, sameWait: 30 },
  maxRetries: 2,
  stopGraceMs: 5_000,
  backoffMs: (retry) => retry * 1_000,
};
export const sandboxPolicy: SandboxPolicy = {
  maxRetries: 2,
  backoffMs: (retry) => retry * 1_000,
  idlePauseMs: 60_000,
  idleStopMs: 300_000,
  ttlMs: 3_600_000,
  releaseGraceMs: 10_000,
};

export const runInput = (over: Partial<RunInput> = {}): RunInput => ({
  sessionId: sessionIdOf(1),
  runId: runIdOf(1),
  task: 'tidy up',
  messageId: messageIdOf(1),
  policy: runPolicy,
  resume: undefined,
  ...over,
});
export const sandboxInput = (over: Partial<SandboxInput> = {}): SandboxInput => ({
  sessionId: sessionIdOf(1),
  sandboxId: sandboxIdOf(sessionIdOf(1)),
  begin: 'provision',
  policy: sandboxPolicy,
  ...over,
});
export const sessionInput = (over: Partial<SessionInput> = {}): SessionInput => ({
  sessionId: sessionIdOf(1),
  sandboxId: sandboxIdOf(over.sessionId ?? sessionIdOf(1)),
  runPolicy,
  sandboxPolicy,
  passivateMs: 900_000,
  maxQueued: 3,
  sandbox: 'absent',
  deleting: false,
  runs: [],
  ...over,
});
export const queuedRun = (n: number, over: Partial<QueuedRun> = {}): QueuedRun => ({
  runId: runIdOf(n),
  task: `task ${n}`,
  messageId: messageIdOf(n),
  resume: undefined,
  ...over,
});
export const goal: Goal = { checks: [{ command: 'npm test', timeoutSeconds: 600 }], maxRevisions: 2 };
export const judgedAs = (result: GoalResult, goesBack = false) => ({
  kind: 'judged',
  result,
  reason: `It is ${result}.`,
  goesBack,
  spent: { turns: 0, tokens: 0, cost: 0 },
});
export const begun = { steps: [], calls: [], waiting: undefined, unseen: 0, spent: { turns: 0, tokens: 0, cost: 0 } };

/** Resolves after all reactions to promises that are settled already. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

export interface ManualCall {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what the hole gets
  readonly input: any;
  readonly signal: AbortSignal;
  state: 'open' | 'settled';
  resolve(output?: unknown): Promise<void>;
  reject(error: unknown): Promise<void>;
  /** Sends an event to the parent, for actors that report instead of resolving. */
  tell(event: AnyEventObject): void;
}

/** Fills the machines' placeholders with actors that act only when the test tells them to. */
export class ManualActors {
  readonly calls: ManualCall[] = [];

  promise<Output, Input>(name: string): PromiseActorLogic<Output, Input> {
    return fromPromise<Output, Input>(({ input, signal }) => {
      const { promise, resolve, reject } = Promise.withResolvers<Output>();
      this.#add({ name, input, signal, tell: () => {} }, resolve as (output: unknown) => void, reject);
      return promise;
    });
  }

  callback(name: string) {
    return fromCallback<AnyEventObject, SandboxHole>(({ input, sendBack }) => {
      const stop = new AbortController();
      const ends = () => {};
      this.#add({ name, input, signal: stop.signal, tell: (event) => sendBack(event) }, ends, ends);
      return () => stop.abort();
    });
  }

  #add(
    made: Pick<ManualCall, 'name' | 'input' | 'signal' | 'tell'>,
    resolve: (output: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    const settle = (act: () => void) => {
      call.state = 'settled';
      act();
      return settled();
    };
    const call: ManualCall = {
      ...made,
      state: 'open',
      resolve: (output) => settle(() => resolve(output)),
      reject: (error) => settle(() => reject(error)),
    };
    this.calls.push(call);
  }

  named = (name: string): ManualCall[] => this.calls.filter((call) => call.name === name);
  /** The calls that are neither settled nor cancelled. */
  get open(): ManualCall[] {
    return this.calls.filter(({ state, signal }) => state === 'open' && !signal.aborted);
  }
  the(name: string): ManualCall {
    const [call, ...others] = this.open.filter((it) => it.name === name);
    const found = this.open.map((it) => it.name).join(', ') || 'none';
    if (!call || others.length > 0) throw new Error(`expected one open actor "${name}", found: ${found}`);
    return call;
  }
}
type SandboxHole = Pick<SandboxInput, 'sessionId' | 'sandboxId'>;

export const runWith = (holes: ManualActors) =>
  runMachine.provide({
    actors: {
      plan: holes.promise('plan'),
      act: holes.promise('act'),
      calls: holes.promise('calls'),
      judge: holes.promise('judge'),
      summarize: holes.promise('summarize'),
      notice: holes.promise('notice'),
      wait: holes.promise('wait'),
      end: holes.promise('end'),
      close: holes.promise('close'),
    },
  });

export const sandboxWith = (holes: ManualActors) =>
  sandboxMachine.provide({
    actors: {
      provision: holes.promise('provision'),
      hold: holes.callback('hold') as never,
      pause: holes.promise('pause'),
      unpause: holes.promise('unpause'),
      release: holes.promise('release'),
    },
  });

/** Runs a machine as the child of a parent that records its events. */
export function asChild<Machine extends AnyStateMachine>(
  machine: Machine,
  input: InputFrom<Machine>,
  onEvent: (event: AnyEventObject, child: Actor<Machine>) => void = () => {},
) {
  const clock = manualClock();
  const reports: AnyEventObject[] = [];
  const ends: { output?: unknown; error?: unknown }[] = [];
  const parent = createActor(
    fromTransition((_, event: AnyEventObject) => {
      if (event.type === 'xstate.done.actor.child') ends.push({ output: event.output });
      else if (event.type === 'xstate.error.actor.child') ends.push({ error: event.error });
      else {
        reports.push(event);
        onEvent(event, actor);
      }
      return undefined;
    }, undefined),
    { clock },
  ).start();
  const actor: Actor<Machine> = createActor(machine, { id: 'child', parent, input } as never);
  actor.subscribe({ error: () => {} });
  actor.start();
  return {
    actor,
    clock,
    reports,
    ends,
    /** Whether the machine is in this state; `a.b` names a nested state. */
    isIn: (path: string) =>
      (actor.getSnapshot() as AnyMachineSnapshot)._nodes.some(({ id }) => id.endsWith(`.${path}`)),
    end: () => ends[0]?.output as unknown,
  };
}

export const spent = { turns: 1, tokens: 10, cost: 0.01 };
export const textTurn = (digest = 'done') => ({ kind: 'replied', digest, steps: [], spent }) as const;
export const empty = { kind: 'empty', spent } as const;
export const callOf = (callId: string, name = 'shell_exec') => ({ callId, name, args: {}, begun: false });
export const calls = (...ids: string[]) => ({ kind: 'calls', calls: ids.map((id) => callOf(id)), spent }) as const;
export const callOutcome = (action = 'ls', result = 'a b', failed = false) =>
  ({ kind: 'called', act: { kind: 'call', action, result, failed } }) as const;
export const refused = { kind: 'failed', code: 'model_rejected', message: 'No.', retryable: false } as const;
export const overloaded = { kind: 'failed', code: 'model_overloaded', message: 'Later.', retryable: true } as const;

export const endFact = (run: Pick<QueuedRun, 'runId' | 'task'>, { reason }: RunEnd): SessionFact => ({
  type: 'run.end',
  runId: run.runId,
  data: {
    status: reason === 'completed' ? 'completed' : reason === 'failed' || reason === 'expired' ? 'failed' : 'stopped',
    reason,
    task: run.task,
  },
});
