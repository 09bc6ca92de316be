import { describe, expect, test } from 'vitest';
import { type AnyEventObject, createActor, fromTransition } from 'xstate';
import type { RunResume } from '../../../machines/run.ts';
import { type SessionCommand, sessionMachine } from '../../../machines/session.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import type { RunId } from '../../../src/core/model/ids.ts';
import {
  begun,
  callOutcome,
  calls,
  empty,
  endFact,
  goal,
  judgedAs,
  ManualActors,
  type ManualCall,
  messageIdOf,
  overloaded,
  queuedRun,
  refused,
  runIdOf,
  runPolicy,
  runWith,
  sandboxWith,
  sessionInput,
  settled,
  spent,
  textTurn,
} from '../../support/machines/machines.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { Dice } from '../../support/simulation/dice.ts';

/** One session with its real run and sandbox machines; a random world around them, from the seed. */
class Play {
  readonly dice;
  readonly clock = manualClock();
  readonly holes = new ManualActors();
  readonly facts: SessionFact[] = [];
  readonly answers = new Map<string, boolean[]>();
  readonly given = new Set<string>(); // callers that gave up, which need no answer
  readonly read = new Map<string, number>(); // by run: the number of facts that its newest turn had read
  readonly errors: unknown[] = [];
  readonly slots: AnyEventObject[] = [];
  readonly uses = new Set<string>();
  readonly session;
  commands = 0;
  output: unknown;

  constructor(seed: number) {
    this.dice = new Dice(seed);
    this.holes.onCall = (call) => this.#onCall(call);
    const machine = sessionMachine.provide({
      actors: { run: runWith(this.holes), sandbox: sandboxWith(this.holes) },
      actions: {
        record: (_, { facts, answer, stops }) => {
          this.facts.push(...facts);
          if (answer) this.#answer(answer.commandId, true);
          for (const id of stops?.commandIds ?? []) this.#answer(id, true);
        },
        answer: (_, { commandIds, answer }) => {
          for (const id of commandIds) this.#answer(id, answer.ok);
        },
        abandon: (_, { error }) => void this.errors.push(error),
      },
    });
    const parent = createActor(
      fromTransition((_, event: AnyEventObject) => this.#hear(event), undefined),
      { clock: this.clock },
    ).start();
    const resume: RunResume | undefined = this.dice.pick([undefined, begun, { ...begun, waiting: '?' }]);
    const input = sessionInput({
      runPolicy: { ...runPolicy, plans: this.dice.number() < 0.3, budget: { ...runPolicy.budget, turns: 6 } },
      sandbox: this.dice.pick(['absent', 'start', 'adopt']),
      runs: this.dice.number() < 0.3 ? [queuedRun(999, { resume })] : [],
    });
    // The facts that the log of a restarted session already has.
    for (const { runId, task, messageId } of input.runs) {
      this.facts.push({ type: 'message.user', runId, data: { messageId, text: task, attachments: [] } });
      if (resume) this.facts.push({ type: 'run.started', runId, data: { task, messageId } });
    }
    this.session = createActor(machine, { id: 'session', parent, input } as never);
    this.session.subscribe({ error: (error) => void this.errors.push(error) });
    this.session.start();
  }

  isAlive = (): boolean => this.session.getSnapshot().status === 'active';

  #hear(event: AnyEventObject): undefined {
    if (event.type === 'xstate.done.actor.session') this.output = event.output;
    if (event.type === 'slot.request') this.slots.push(event);
    if (event.type === 'slot.release') {
      const at = this.slots.findIndex(({ slot }) => slot === event.slot);
      if (at >= 0) this.slots.splice(at, 1);
    }
    return undefined;
  }

  #answer(commandId: string, ok: boolean): void {
    this.answers.set(commandId, [...(this.answers.get(commandId) ?? []), ok]);
  }

  /** A turn reads all facts of the log. The end of a run is logged as soon as possible. */
  #onCall({ name, input }: ManualCall): void {
    if (['plan', 'act', 'summarize'].includes(name)) this.read.set(input.runId, this.facts.length);
    if (name === 'end') this.facts.push(endFact(input, input.end));
  }

  command(type: SessionCommand['type'], mode?: 'inject' | 'queue' | 'replace'): void {
    this.commands += 1;
    const commandId = `${type} ${this.commands}`;
    const ids = { messageId: messageIdOf(this.commands), runId: runIdOf(this.commands) };
    const message = { ...ids, mode, text: 'go', attachments: [], clientTimestamp: undefined };
    const more = type === 'cmd.send' ? { ...message, ...(this.dice.number() < 0.3 && { goal }) } : {};
    this.answers.set(commandId, []);
    if (type === 'sandbox.use') this.uses.add(commandId);
    this.session.send({ type, commandId, ...more } as SessionCommand);
  }

  async step(): Promise<void> {
    const { dice, holes } = this;
    const what = dice.number();
    if (what < 0.22) this.command('cmd.send', dice.pick(['inject', 'queue', 'replace']));
    else if (what < 0.27) this.command('cmd.stop');
    else if (what < 0.28) this.command('cmd.delete');
    else if (what < 0.34) this.command('sandbox.use');
    else if (what < 0.38) this.#giveUp();
    else if (what < 0.52) this.#grant();
    else if (what < 0.57) this.clock.advance(dice.pick([1_000, 2_000, 60_000]));
    else if (holes.open.length > 0) await this.#happen(dice.pick(holes.open));
    // Skips some pauses, so that several things happen at the same moment.
    if (dice.number() < 0.7) await settled();
  }

  #giveUp(): void {
    const commandId = [...this.uses][0];
    if (commandId === undefined) return;
    this.uses.delete(commandId);
    if (this.answers.get(commandId)?.length === 0) this.given.add(commandId);
    this.session.send({ type: 'sandbox.done', commandId });
  }

  #grant(): void {
    const granted = this.slots.find((it) => !it.granted);
    if (!granted) return;
    granted.granted = true;
    this.session.send({ type: 'slot.granted', slot: granted.slot });
  }

  /** Ends an actor, with a random result. */
  async #happen(call: ManualCall): Promise<void> {
    const { dice } = this;
    const step = { id: '1', description: 'do', status: dice.pick(['pending', 'completed'] as const) };
    switch (call.name) {
      case 'plan':
        return call.resolve(dice.pick([{ kind: 'planned', steps: [step], spent }, empty, overloaded, refused]));
      case 'act':
        return call.resolve(
          dice.pick([
            { ...textTurn(`${dice.number()}`), steps: [step] },
            calls('c1'),
            calls('c1', 'c2'),
            empty,
            overloaded,
            refused,
          ]),
        );
      case 'judge':
        return call.resolve(
          dice.pick([judgedAs('satisfied'), judgedAs('not_satisfied', call.input.revision !== undefined), overloaded]),
        );
      case 'summarize':
        return call.resolve(dice.pick([textTurn(), textTurn(), overloaded]));
      case 'calls':
        return call.resolve(
          dice.pick([
            [callOutcome(`${dice.number()}`)],
            [callOutcome(`${dice.number()}`)],
            [{ kind: 'ask', question: '?' }],
          ]),
        );
      case 'hold':
        return call.tell(
          dice.pick([{ type: 'hold.ready', ms: 1 }, { type: 'hold.ready', ms: 1 }, { type: 'resource.closed' }]),
        );
      case 'provision':
      case 'pause':
      case 'unpause':
      case 'release':
        return dice.number() < 0.8 ? call.resolve() : call.reject(new Error('the driver broke'));
      default:
        return call.resolve();
    }
  }

  /** Deletes the session and ends all its actors. */
  async finish(): Promise<void> {
    this.command('cmd.delete');
    for (let n = 0; n < 50 && this.isAlive(); n += 1) {
      const [call] = this.holes.open.filter(({ name }) => name !== 'hold');
      await (call ? call.resolve() : settled());
    }
  }
}

const at = (facts: readonly SessionFact[], runId: RunId | null, type: string) =>
  facts.flatMap((fact, n) => (fact.runId === runId && fact.type === type ? [n] : []));

/** Checks rules that every play must meet. Returns each violation as a sentence. */
function problems({ facts, answers, given, read, errors, session, output }: Play): string[] {
  const found = errors.map((error) => `an error: ${error}`);
  if (session.getSnapshot().status !== 'done' || output !== 'deleted') found.push('the session did not end');
  for (const [id, given_] of answers) {
    if (id.startsWith('sandbox.done') || given.has(id)) continue;
    if (given_.length !== 1) found.push(`${id} was answered ${given_.length} times`);
  }
  const runs = new Set(facts.flatMap(({ runId }) => (runId === null ? [] : [runId])));
  for (const runId of runs) {
    const [ends, starts, messages] = ['run.end', 'run.started', 'message.user'].map((type) => at(facts, runId, type));
    const end = ends?.[0] ?? Number.NaN;
    if (ends?.length !== 1) found.push(`run ${runId} ended ${ends?.length} times`);
    if ((starts?.length ?? 0) > 1) found.push(`run ${runId} began ${starts?.length} times`);
    if ((starts?.[0] ?? 0) > end) found.push(`run ${runId} began after its end`);
    const late = facts.slice(end + 1).filter((fact) => fact.runId === runId);
    for (const fact of late) found.push(`${fact.type} of run ${runId} stands behind its end`);
    const last = facts[end];
    const stopped = last?.type === 'run.end' && last.data.status === 'stopped';
    const unread = (messages ?? []).filter((n) => n >= (read.get(runId) ?? 0));
    if (!stopped && unread.length > 0) found.push(`run ${runId} ended with ${unread.length} unread messages`);
  }
  // At most one run is active at any time.
  let active: RunId | null = null;
  for (const { type, runId } of facts) {
    if (type === 'run.started' && active !== null) found.push(`run ${runId} began while ${active} was active`);
    if (type === 'run.started') active = runId;
    if (type === 'run.end' && runId === active) active = null;
  }
  return found;
}

async function play(seed: number): Promise<Play> {
  const game = new Play(seed);
  const steps = 10 + Math.floor(game.dice.number() * 30);
  for (let n = 0; n < steps && game.isAlive(); n += 1) await game.step();
  if (game.isAlive()) await game.finish(); // else the play has deleted it already
  return game;
}

const count = 125;

describe('session, at random', () => {
  test(`F111 ${count} plays: each command is answered once, each run ends once and last, no message is lost, a delete ends it all`, async () => {
    let ends = new Set<string>();
    for (let seed = 1; seed <= count; seed += 1) {
      const game = await play(seed);
      expect(problems(game), `seed ${seed}: to see it alone, play(${seed})`).toEqual([]);
      ends = ends.union(new Set(game.facts.flatMap((it) => (it.type === 'run.end' ? [it.data.reason] : []))));
    }
    // The plays must reach every kind of end, or they prove nothing.
    expect([...ends].toSorted()).toEqual(['completed', 'deleted', 'failed', 'stopped', 'superseded']);
  });
});
