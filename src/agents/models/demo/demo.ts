import { posix } from 'node:path';
import { createListFold, memoizeByKey } from '../../../core/text/list-fold.ts';
import {
  attachedFilesHeading,
  type FailedTurn,
  type Message,
  type Model,
  type ModelCapabilities,
  type ToolCall,
  type TurnPart,
  type TurnRequest,
} from '../model.ts';
import { classifyDemoMessage, parseDemoSteps } from './blocks.ts';
import {
  describeDemoStep,
  describeStepResult,
  describeTaskStart,
  describeUnsupportedTask,
  detectDemoLanguage,
  readTaskTitle,
  splitIntoDeltas,
  summarizeStepResults,
} from './texts.ts';
import type { DemoLanguage, DemoStep } from './unit.ts';

interface Run {
  readonly task: string;
  readonly language: DemoLanguage;
  readonly hasFiles: boolean;
  readonly isTalk: boolean;
  readonly units: readonly DemoStep[];
  readonly results: readonly ToolMessage[];
  readonly callsOfStep: readonly ToolCall[];
  readonly answers: ReadonlyMap<string, string>;
  readonly callsBefore: number;
}
type ToolMessage = Extract<Message, { role: 'tool' }>;
const planning = 'make_plan';
const asking = 'message_ask_user';

const withoutFileList = (text: string): string => text.split(attachedFilesHeading, 1)[0] ?? '';
const readUserMessage = memoizeByKey((message: Extract<Message, { role: 'user' }>) => {
  const text = withoutFileList(message.text);
  return {
    text,
    hasFiles: message.text.includes(attachedFilesHeading),
    language: detectDemoLanguage(text),
    isTalk: classifyDemoMessage(text) === 'nothing',
    units: parseDemoSteps(text),
  };
});

function readRun(request: TurnRequest): Run {
  const messages = request.messages.slice(request.runFrom ?? runStart(request));
  const read = messages.flatMap((message) => (message.role === 'user' ? readUserMessage(message) : []));
  const spoken = [...read];
  const results: ToolMessage[] = [];
  const answers = new Map<string, string>();
  let callsOfStep: ToolCall[] = [];
  for (const [at, message] of messages.entries()) {
    if (message.role === 'tool' && message.name !== planning) results.push(message);
    if (message.role !== 'assistant') continue;
    if (message.calls.length === 0) callsOfStep = [];
    callsOfStep.push(...message.calls.filter((call) => call.name !== planning));
    for (const { callId, name } of message.calls)
      if (name === asking) answers.set(callId, answerTo(callId, messages.slice(at)));
  }
  // Answers to questions do not count as messages, so their blocks do not run.
  for (const answer of answers.values()) {
    const at = spoken.findIndex(({ text }, index) => index > 0 && text === withoutFileList(answer));
    if (at > 0) spoken.splice(at, 1);
  }
  const languages = spoken.map(({ language }) => language);
  return {
    task: spoken[0]?.text ?? '',
    language: languages.includes('de')
      ? 'de'
      : (languages.find((one) => one !== undefined) ?? lastLanguage(request.messages) ?? 'en'),
    hasFiles: read.some(({ hasFiles }) => hasFiles),
    isTalk: spoken.every(({ isTalk }) => isTalk),
    units: spoken.flatMap(({ units }) => units),
    results,
    callsOfStep,
    answers,
    callsBefore: callsIn(request.messages),
  };
}

const lastLanguage = createListFold<Message, DemoLanguage | undefined>(undefined, (last, message) =>
  message.role === 'user' ? (readUserMessage(message).language ?? last) : last,
);

function answerTo(callId: string, after: readonly Message[]): string {
  const output = after.find((message) => message.role === 'tool' && message.callId === callId);
  const lines = after.flatMap((message) => (message.role === 'user' ? [message.text] : []));
  const repeated = output?.role === 'tool' ? output.output : '';
  return lines.find((text) => text === repeated) ?? (output ? lines[0] : undefined) ?? repeated;
}

function runStart({ messages, phase }: TurnRequest): number {
  const isPlan = (message: Message) =>
    message.role === 'assistant' &&
    message.calls.some(({ name, callId }) => name === planning && callId.startsWith('plan_'));
  let at = phase.kind === 'plan' ? messages.length : messages.findLastIndex(isPlan);
  while (at > 0 && messages[at - 1]?.role === 'user') at--;
  return Math.max(0, at);
}

const callsIn = createListFold(0, (sum, message: Message) =>
  message.role === 'assistant' ? sum + message.calls.filter((call) => call.name !== planning).length : sum,
);

const maxSteps = 1_000;
interface Decision {
  readonly text?: string;
  readonly call?: ToolCall;
  readonly failure?: FailedTurn;
}

const abilities: ModelCapabilities = {
  window: 1_000_000_000,
  maxOutput: 1_000_000,
  images: false,
  parallel: false,
  forcedTool: true,
  caching: 'none',
};

/** Deterministic: the answer depends only on the request. */
export function createDemoModel(): Model {
  return {
    name: 'demo',
    abilities,
    async *turn(request, signal) {
      const { text = '', call, failure } = decide(request);
      const parts: TurnPart[] = splitIntoDeltas(text).map((delta) => ({ type: 'text', delta }));
      if (call) parts.push({ type: 'call', call });
      for (const part of parts) {
        if (signal.aborted) break;
        yield part;
      }
      const usage = {
        inputTokens: Math.ceil(charsOf(request.messages) / 4),
        outputTokens: Math.ceil(text.length / 4) + (call ? 8 : 0),
      };
      const finished = { kind: 'finished', stop: call ? 'calls' : 'done', usage } as const;
      yield { type: 'end', outcome: signal.aborted ? { kind: 'cancelled' } : (failure ?? finished) };
    },
  };
}

function decide(request: TurnRequest): Decision {
  const { phase } = request;
  const run = readRun(request);
  const planned = plansIn(request.messages);
  const makePlan = (steps: string[], acknowledgement?: string): ToolCall => ({
    callId: `${phase.kind}_${planned + 1}`,
    name: 'make_plan',
    args: { title: readTaskTitle(run.task, run.language), steps, ...(acknowledgement && { acknowledgement }) },
  });
  switch (phase.kind) {
    case 'plan':
      if (run.isTalk) return { text: describeUnsupportedTask(run.language) };
      if (run.units.length > maxSteps) return { failure: tooLong(run.units.length) };
      return {
        call: makePlan(
          run.units.map((unit) => describeDemoStep(unit, run.language)),
          describeTaskStart(run.task, run.language),
        ),
      };
    case 'replan': {
      // The highest step id shows how many units are already planned.
      const known = Math.max(0, ...phase.steps.map((step) => Number(step.id) || 0)) || phase.steps.length;
      const pending = phase.steps.filter((step) => step.status === 'pending').map((step) => step.description);
      return {
        call: makePlan(
          [...pending, ...run.units.slice(known).map((unit) => describeDemoStep(unit, run.language))].slice(
            0,
            maxSteps,
          ),
        ),
      };
    }
    case 'act':
      return act(request, run, phase.stepIndex);
    case 'grade': {
      const reason = 'The demo model follows recipes and cannot judge. Choose a real model, or use checks.';
      return { call: { callId: 'grade_1', name: 'give_verdict', args: { verdict: 'cannot_judge', reason } } };
    }
    case 'summarize':
      return { text: summarizeStepResults(run) };
  }
}

function act(request: TurnRequest, run: Run, stepIndex: number): Decision {
  if (run.isTalk && run.results.length === 0) return { text: describeUnsupportedTask(run.language) };
  const unit = run.units[stepIndex];
  if (!unit) return { text: 'There is nothing left to do in this step.' };
  if (unit.kind === 'fail') return { failure: failed(unit.message) };
  const requested = toCalls(unit, request);
  const created = run.callsOfStep.filter((call) => requested.some((one) => same(one, call)));
  const results = run.results.filter((result) => created.some((call) => call.callId === result.callId));
  const failure = results.find((result) => !result.success);
  const next = requested[created.length];
  if (next && !failure) return { call: { callId: `call_${run.callsBefore + 1}`, ...next } };
  const answer = run.answers.get(created[0]?.callId ?? '') ?? '';
  return {
    text: describeStepResult(unit, {
      failed: failure,
      output: results.at(-1)?.output ?? '',
      answer,
      language: run.language,
    }),
  };
}

type CallToMake = Omit<ToolCall, 'callId'>;
const same = (callToMake: CallToMake, call: ToolCall): boolean =>
  callToMake.name === call.name && JSON.stringify(callToMake.args) === JSON.stringify(call.args);

function toCalls(unit: DemoStep, { system, tools }: TurnRequest): CallToMake[] {
  const workdir = parseWorkdir(system);
  const has = (name: string) => tools.some((tool) => tool.name === name);
  switch (unit.kind) {
    case 'sh':
      // Managed Agents have tools with different names and arguments.
      if (has('bash') && !has('shell_exec')) return [{ name: 'bash', args: { command: unit.command } }];
      return [{ name: 'shell_exec', args: { id: 'main', exec_dir: workdir, command: unit.command } }];
    case 'file': {
      const path = posix.resolve(workdir, unit.path);
      if (has('write') && !has('file_write'))
        return [{ name: 'write', args: { file_path: path, content: unit.content } }];
      return [{ name: 'file_write', args: { file: path, content: unit.content } }];
    }
    case 'browse':
      return unit.urls.flatMap((url) => [
        { name: 'browser_navigate', args: { url } },
        { name: 'browser_view', args: {} },
      ]);
    case 'delegate':
      return [{ name: 'delegate', args: { task: unit.task } }];
    case 'ask':
      return [{ name: 'message_ask_user', args: { text: unit.question } }];
    case 'fail':
      return [];
  }
}

const parseWorkdir = (system: string): string =>
  /^Working directory: (\/.*)$/m.exec(system)?.[1]?.trim() ?? '/workspace';

const failed = (message: string): FailedTurn => ({ kind: 'failed', code: 'provider_error', message, retryable: false });
const tooLong = (count: number): FailedTurn => ({
  kind: 'failed',
  code: 'model_rejected',
  message: `The demo model plans at most ${maxSteps} steps; this message has ${count}.`,
  retryable: false,
});

const plansIn = createListFold(0, (count, message: Message) =>
  message.role === 'assistant' && message.calls.some(({ name }) => name === 'make_plan') ? count + 1 : count,
);
const charsOf = createListFold(
  0,
  (sum, message: Message) => sum + (message.role === 'tool' ? message.output : message.text).length,
);
