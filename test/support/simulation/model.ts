import {
  defaultCapabilities,
  type Model,
  type ToolCall,
  type TurnPart,
  type TurnRequest,
} from '../../../src/agents/models/model.ts';
import type { ManualClock } from '../machines/manual-clock.ts';
import type { Dice } from './dice.ts';

export const modelFaults = {
  'model: 429 with a time to wait': 3,
  'model: 429 without one': 2,
  'model: 500': 3,
  'model: refused': 1,
  'model: empty reply': 3,
  'model: malformed plan': 2,
  'model: stream cut': 2,
  'model: hangs': 1,
  'model: unknown tool': 2,
  'model: bad arguments': 2,
  'model: repeats a call id': 2,
} as const;
export type ModelFault = keyof typeof modelFaults;

interface ModelWorld {
  readonly dice: Dice;
  readonly time: ManualClock;
  /** The fault of this turn, if it has one. */
  trouble(): ModelFault | undefined;
  hit(fault: string): void;
  /** Resolves when all faults have to end. */
  readonly calm: Promise<void>;
}

/** A part of the reply, or a promise to wait for. */
type ScriptLine = TurnPart | Promise<void>;
export interface SimulatedModel extends Model {
  /** The user's messages in each turn's run up to that turn. */
  readonly received: (readonly string[])[];
  /** The first messages of the runs whose turns are in progress. */
  readonly thinking: Set<string>;
}

/** A model that plans, calls tools, asks questions and talks, as the task's words and its dice determine. */
export const simulatedModel = (mind: ModelWorld): SimulatedModel => {
  let calls = 0;
  const received: string[][] = [];
  const thinking = new Set<string>();
  const decide = (request: TurnRequest): ScriptLine[] => {
    const { dice, time } = mind;
    const call = (name: string, args: unknown, callId = `call-${++calls}`): ToolCall => ({ callId, name, args });
    const fault = mind.trouble();
    const lines = (fault && troubled(mind, request, fault, call)) ?? turn(dice, request, call);
    // 30 % of the replies come immediately, the others in pieces over time.
    if (dice.chance(0.3)) return lines;
    let at = 0;
    return lines.flatMap((line): ScriptLine[] => {
      if (dice.chance(0.5)) return [line];
      at += dice.between(1, 400);
      return [time.sleep(at), line];
    });
  };
  return {
    name: 'simulated',
    abilities: { ...defaultCapabilities, forcedTool: true },
    received,
    thinking,
    async *turn(request, signal) {
      const words = usersWords(request);
      received.push(words);
      thinking.add(words[0] ?? '');
      using _done = { [Symbol.dispose]: () => thinking.delete(words[0] ?? '') };
      const fired = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => fired.resolve(), { once: true });
      let called = false;
      for (const line of decide(request)) {
        if (line instanceof Promise) await Promise.race([fired.promise, line]);
        if (signal.aborted) break;
        if (line instanceof Promise) continue;
        yield line;
        called ||= line.type === 'call';
        if (line.type === 'end') return;
      }
      if (signal.aborted) yield { type: 'end', outcome: { kind: 'cancelled' } };
      else yield { type: 'end', outcome: { kind: 'finished', stop: called ? 'calls' : 'done', usage } };
    },
  };
};
const usage = { inputTokens: 1, outputTokens: 1 };

type MakeCall = (name: string, args: unknown, callId?: string) => ToolCall;
const say = (text: string): TurnPart[] => text.split(/(?<= )/).map((delta) => ({ type: 'text', delta }));
const calling = (call: ToolCall): TurnPart => ({ type: 'call', call });
const failing = (
  code: 'model_overloaded' | 'model_unavailable' | 'model_rejected' | 'model_stalled',
  retryAfterMs?: number,
): TurnPart => ({
  type: 'end',
  outcome: {
    kind: 'failed',
    code,
    message: `The model failed: ${code}.`,
    retryable: code !== 'model_rejected',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  },
});

function turn(dice: Dice, request: TurnRequest, call: MakeCall): ScriptLine[] {
  const task = usersWords(request)[0] ?? '';
  switch (request.phase.kind) {
    case 'plan':
    case 'replan': {
      const steps = Array.from({ length: Number(/steps (\d)/.exec(task)?.[1] ?? 1) }, (_, n) => `step ${n + 1}`);
      const text = dice.chance(0.5) ? say('I will do that. ') : [];
      return [...text, calling(call('make_plan', { title: task.slice(0, 20), steps, acknowledgement: 'On it.' }))];
    }
    case 'grade':
      return [
        calling(call('give_verdict', { verdict: dice.pick(['satisfied', 'not_satisfied']), reason: 'So it is.' })),
      ];
    case 'summarize':
      return say(`All of it is done, ${dice.hex(4)}. `);
    case 'act':
      return acting(dice, request, task, call);
  }
}

function acting(dice: Dice, request: TurnRequest, task: string, call: MakeCall): ScriptLine[] {
  const own = request.messages.slice(request.runFrom ?? 0);
  if (task.includes('ask') && !own.some((message) => message.role === 'tool' && message.name === 'message_ask_user')) {
    return [...say('One question. '), calling(call('message_ask_user', { text: 'Which one?' }))];
  }
  if (task.includes('stuck')) return [calling(call('shell_exec', { id: 'main', command: 'run 5 1' }))];
  if (task.includes('talk') || dice.chance(own.at(-1)?.role === 'tool' ? 0.7 : 0.2))
    return say(`Found it: ${dice.hex(6)}. `);
  const choices = Array.from({ length: dice.between(1, 3) }, () => calling(someCall(dice, task, call)));
  return dice.chance(0.4) ? [...say('Looking at it. '), ...choices] : choices;
}

function someCall(dice: Dice, task: string, call: MakeCall): ToolCall {
  if (task.includes('forever')) return call('shell_exec', { id: `shell-${dice.between(1, 9)}`, command: 'forever' });
  const kind = dice.weighted({ run: 6, background: 1, write: 1, read: 1, notify: 1, kill: 1 });
  const exitCode = task.includes('fail') || dice.chance(0.1) ? 1 : 0;
  const shell = dice.pick(['main', 'other']);
  if (kind === 'run')
    return call('shell_exec', { id: shell, command: `run ${dice.pick([0, 5, 200, 3_000])} ${exitCode}` });
  if (kind === 'background')
    return call('shell_exec', { id: shell, command: `background ${dice.between(1_000, 60_000)}` });
  if (kind === 'write') return call('file_write', { file: 'note.md', content: dice.hex(8) });
  if (kind === 'read') return call('file_read', { file: 'note.md' });
  if (kind === 'kill') return call('shell_kill_process', { id: shell });
  return call('message_notify_user', { text: 'Still at it.' });
}

function troubled(mind: ModelWorld, request: TurnRequest, fault: ModelFault, call: MakeCall): ScriptLine[] | undefined {
  const { dice, calm, hit } = mind;
  const isActing = request.phase.kind === 'act';
  const shell = (args: unknown, callId?: string) => [calling(call('shell_exec', args, callId))];
  const replies: Record<ModelFault, () => ScriptLine[] | undefined> = {
    'model: 429 with a time to wait': () => [failing('model_overloaded', dice.between(100, 5_000))],
    'model: 429 without one': () => [failing('model_overloaded')],
    'model: 500': () => [failing('model_unavailable')],
    'model: refused': () => [failing('model_rejected')],
    'model: empty reply': () => [],
    'model: stream cut': () => [
      ...say('I was about to say '),
      ...shell({ id: 'main', command: 'run 1 0' }),
      failing('model_unavailable'),
    ],
    'model: hangs': () => [...say('Let me think. '), calm, failing('model_stalled')],
    'model: malformed plan': () => {
      if (request.mustCall === undefined) return undefined;
      const args = dice.pick([{ steps: 'all of them' }, '{"title": "cut', null, { title: 'none', steps: [] }]);
      return dice.chance(0.5) ? say('I would rather talk. ') : [calling(call('make_plan', args))];
    },
    'model: unknown tool': () => (isActing ? [calling(call('browser_view', {}))] : undefined),
    'model: bad arguments': () => {
      const args = dice.pick([{}, '{"id":', 7, { id: 'main', command: 4 }]);
      return isActing ? shell(args) : undefined;
    },
    'model: repeats a call id': () => {
      const used = request.messages.findLast(({ role }) => role === 'tool');
      return used?.role === 'tool' && isActing ? shell({ id: 'main', command: 'run 1 0' }, used.callId) : undefined;
    },
  };
  const lines = replies[fault]();
  if (lines) hit(fault);
  return lines;
}

const usersWords = ({ messages, runFrom = 0 }: TurnRequest): string[] =>
  messages.slice(runFrom).flatMap((message) => (message.role === 'user' ? [message.text] : []));
