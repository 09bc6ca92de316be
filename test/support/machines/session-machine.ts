import { type AnyEventObject, assign, sendParent, setup } from 'xstate';
import type { RunEnd, RunInput } from '../../../machines/run.ts';
import type { SandboxEnd, SandboxInput } from '../../../machines/sandbox.ts';
import { type CommandAnswer, type SessionInput, sessionMachine } from '../../../machines/session.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import type { CallDecision } from '../../../src/core/model/runs/session-command.ts';
import { asChild, endFact, messageIdOf, runIdOf, sessionInput } from './machines.ts';

/** A child actor that records all events, sends those that the test gives it, and ends on request. */
const puppet = (received: AnyEventObject[]) =>
  setup({
    types: {
      context: {} as { input: RunInput & SandboxInput; output: unknown },
      input: {} as RunInput & SandboxInput,
      events: {} as
        | { type: 'puppet.say'; news: AnyEventObject }
        | { type: 'puppet.end'; output: unknown }
        | { type: 'puppet.break' },
    },
  }).createMachine({
    context: ({ input }) => ({ input, output: undefined }),
    initial: 'on',
    on: {
      'puppet.say': { actions: sendParent(({ event }) => event.news) },
      'puppet.end': { target: '.off', actions: assign({ output: ({ event }) => event.output }) },
      'puppet.break': {
        actions: () => {
          throw new Error('a bug in the child');
        },
      },
      '*': { actions: ({ event }) => void received.push(event) },
    },
    states: { on: {}, off: { type: 'final' } },
    output: ({ context }) => context.output,
  });

/** The session machine alone: the test controls its run and its sandbox. */
export function sessionAlone(input: Partial<SessionInput> = {}, slots: 'granted' | 'held' = 'granted') {
  const facts: SessionFact[] = [];
  const answers = new Map<string, CommandAnswer[]>();
  const broken: unknown[] = [];
  const ofRun: AnyEventObject[] = [];
  const ofSandbox: AnyEventObject[] = [];
  const answer = (commandId: string, it: CommandAnswer) =>
    answers.set(commandId, [...(answers.get(commandId) ?? []), it]);
  const machine = sessionMachine.provide({
    actors: { run: puppet(ofRun) as never, sandbox: puppet(ofSandbox) as never },
    actions: {
      record: (_, recording) => {
        facts.push(...recording.facts);
        const { commandId, ...value } = recording.answer ?? { commandId: undefined };
        if (commandId !== undefined) answer(commandId, { ok: true, value });
        for (const id of recording.decided?.commandIds ?? []) answer(id, { ok: true, value: recording.decided?.value });
        for (const id of recording.stops?.commandIds ?? []) answer(id, { ok: true, value: recording.stops?.value });
      },
      answer: (_, value0) => {
        for (const id of value0.commandIds) answer(id, value0.answer);
      },
      abandon: (_, { run, error }) => {
        broken.push(error);
        facts.push(endFact(run, { reason: 'failed' }));
      },
    },
  });
  const session = asChild(machine, sessionInput(input), (event, actor) => {
    if (slots === 'granted' && event.type === 'slot.request') actor.send({ type: 'slot.granted', slot: event.slot });
  });
  const { actor } = session;
  let commands = 0;
  const next = () => `cmd-${++commands}`;
  const child = (id: 'run' | 'sandbox') => {
    const found = actor.getSnapshot().children[id];
    if (!found) throw new Error(`no ${id} is there, in ${JSON.stringify(actor.getSnapshot().value)}`);
    return found as unknown as {
      send(event: AnyEventObject): void;
      getSnapshot(): { context: { input: RunInput & SandboxInput } };
    };
  };
  const puppetOf = <Input>(id: 'run' | 'sandbox', received: AnyEventObject[]) => ({
    received,
    isThere: () => actor.getSnapshot().children[id] !== undefined,
    input: () => child(id).getSnapshot().context.input as Input,
    says: (news: AnyEventObject) => child(id).send({ type: 'puppet.say', news }),
    breaks: () => child(id).send({ type: 'puppet.break' }),
  });
  const command = (type: 'cmd.stop' | 'cmd.delete' | 'sandbox.use' | 'sandbox.stop', commandId = next()) => {
    actor.send({ type, commandId });
    return commandId;
  };
  return {
    ...session,
    facts,
    answers,
    broken,
    run: {
      ...puppetOf<RunInput>('run', ofRun),
      /** Logs the run's end, then ends its actor. */
      ends: (end: RunEnd) => {
        facts.push(endFact(child('run').getSnapshot().context.input, end));
        child('run').send({ type: 'puppet.end', output: end });
      },
    },
    sandbox: {
      ...puppetOf<SandboxInput>('sandbox', ofSandbox),
      ends: (output: SandboxEnd) => child('sandbox').send({ type: 'puppet.end', output }),
    },
    send: (n: number, mode: 'inject' | 'queue' | 'replace' = 'queue') => {
      const ids = { commandId: next(), messageId: messageIdOf(n), runId: runIdOf(n) };
      actor.send({ type: 'cmd.send', ...ids, mode, text: `task ${n}`, attachments: [], clientTimestamp: undefined });
      return ids.commandId;
    },
    decide: (
      callId: string,
      decision: 'approved' | 'rejected',
      more: Partial<CallDecision> & { also?: readonly CallDecision[] } = {},
    ) => {
      const commandId = next();
      actor.send({ type: 'cmd.decide', commandId, callId, decision, by: 'somebody', ...more });
      return commandId;
    },
    stop: () => command('cmd.stop'),
    remove: () => command('cmd.delete'),
    use: (commandId?: string) => command('sandbox.use', commandId),
    stopSandbox: () => command('sandbox.stop'),
    done: (commandId: string) => actor.send({ type: 'sandbox.done', commandId }),
    grant: (slot: 'run' | 'start') => actor.send({ type: 'slot.granted', slot }),
    answerTo: (commandId: string) => answers.get(commandId),
    slots: () =>
      session.reports.flatMap(({ type, slot }) => (type.startsWith('slot.') ? [`${type.slice(5)} ${slot}`] : [])),
    /** The session's facts, one short text each. */
    log: () => facts.map((fact) => short(fact)),
  };
}

function short({ type, runId, data }: SessionFact): string {
  const run = runId === null ? 'none' : Number.parseInt(runId.slice(-12), 16);
  const detail = 'reason' in data ? ` ${data.reason}` : 'phase' in data ? ` ${data.phase}` : '';
  return `${type} ${run}${detail}`;
}
