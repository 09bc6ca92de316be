import { createActor, fromPromise } from 'xstate';
import type { Driver, SandboxInfo, SandboxLink, SandboxSpec } from '../../drivers/driver.ts';
import type { RunPolicy } from '../../machines/run.ts';
import type { SandboxPolicy } from '../../machines/sandbox.ts';
import { type SessionCommand, type SessionInput, type SlotKind, sessionMachine } from '../../machines/session.ts';
import { type RestartPolicy, supervisorMachine } from '../../machines/supervisor.ts';
import { throwIfFired } from '../core/cancel.ts';
import type { Clock } from '../core/clock.ts';
import { AppError, toAppError } from '../core/errors.ts';
import type { SessionFact } from '../core/events.ts';
import { failpointSync } from '../core/failpoint.ts';
import { type IdSource, type RunId, type SandboxId, type SessionId, sandboxIdOf } from '../core/ids.ts';
import type { EventLog, Store } from '../core/ports.ts';
import type { SessionRecord } from '../core/records.ts';
import type { DesktopStatus, SandboxClient } from '../sandbox/client.ts';
import { withoutDesktop } from '../tools/registry.ts';
import { endFacts, runWith } from './actors/run-actors.ts';
import { type SandboxDeps, sandboxWith } from './actors/sandbox-actors.ts';
import type { Approvals, Working } from './actors/working.ts';
import type { AgentDesktop } from './agent-desktop.ts';
import { alreadySent } from './already-sent.ts';
import { Answers } from './answers.ts';
import { Crossing, type Wish } from './crossing.ts';
import { DesktopNews } from './desktop-news.ts';
import { Guests } from './guests.ts';
import { foldRuns, queuedRun, type RunFold } from './hydrate.ts';
import { inTurn } from './in-turn.ts';
import { type Broken, freshRun, hearMessages, type Live, type Recording } from './live.ts';
import { type Ownership, soleOwnership } from './ownership.ts';
import type { ProfileOf } from './profile.ts';
import { StoredSession } from './projection.ts';
import type { UsedSandbox } from './sandboxes.ts';
import { RunScribe, type RunSoFar } from './scribe.ts';
import { Transcript } from './transcript.ts';
import { isUnfinished, unfinishedKind } from './unfinished.ts';
import { SessionWriter } from './writer.ts';

export interface EngineOptions {
  readonly store: Store;
  readonly log: EventLog;
  readonly driver: Driver;
  readonly profileOf: ProfileOf;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: EngineLogger;
  readonly runPolicy: Omit<RunPolicy, 'plans'>;
  readonly sandboxPolicy: SandboxPolicy;
  readonly restartPolicy: RestartPolicy;
  readonly limits: Readonly<Record<SlotKind, number>>;
  readonly passivateMs: number;
  readonly maxQueued: number;
  readonly toolTimeoutMs: number;
  /** Which calls need somebody's leave; none where this is missing. */
  readonly approvals?: Approvals | undefined;
  readonly startTimeoutMs: number;
  readonly spec: (sessionId: SessionId, sandboxId: SandboxId) => SandboxSpec;
  /** `epoch`: of the owner that calls; the daemon refuses those of older ones. */
  readonly connect: (link: SandboxLink & { readonly epoch?: number }) => SandboxClient;
  readonly prepare: SandboxDeps['prepare'];
  /** Before anybody gets to use a ready sandbox; what it throws fails that use. */
  readonly onUse?: (session: SessionRecord, client: SandboxClient, signal: AbortSignal) => Promise<void>;
  readonly workdir: (id: SandboxId) => string;
  /** Resolves when no person has the keyboard and mouse of the session's desktop. */
  readonly gate?: (id: SessionId, signal: AbortSignal) => Promise<void>;
  /** What agents see and use of desktops; absent where there are none. */
  readonly agentDesktop?: AgentDesktop;
  readonly isWatched: (id: SessionId) => boolean;
  readonly onFact: (id: SessionId, fact: SessionFact) => void;
  readonly onRunEnd: (status: 'completed' | 'stopped' | 'failed') => void;
  /** Which sessions are ours, where several servers share the store; without it all are. */
  readonly ownership?: Ownership;
}
export interface EngineLogger {
  info(about: object, text: string): void;
  warn(about: object, text: string): void;
  error(about: object, text: string): void;
}

/** The supervisor and its sessions, with their holes filled; commands go in, facts go to the log. */
export class Engine implements AsyncDisposable {
  readonly #options: EngineOptions;
  readonly #lives = new Map<SessionId, Live>();
  readonly #answers = new Answers();
  readonly #sends = inTurn();
  readonly #releases = new Set<Promise<unknown>>();
  /** Sessions whose sandbox runs already, found by its labels, and until when it may; taken up by their next hydration. */
  readonly #adoptable = new Map<SessionId, number>();
  /** Sessions just made: their sandbox starts with them. */
  readonly #starting = new Set<SessionId>();
  /** Left memory a moment ago: what is written of that comes before what is written when they are back. */
  readonly #leaving = new Map<SessionId, Promise<void>>();
  readonly #supervisor;
  readonly #ownership: Ownership;
  /** To the owners of other sessions; undefined where there can be no other server. */
  readonly #crossing: Crossing | undefined;
  readonly #guests: Guests;

  constructor(options: EngineOptions) {
    this.#options = options;
    const { clock, restartPolicy, limits, ids, store, driver, sandboxPolicy, logger } = options;
    this.#ownership = options.ownership ?? soleOwnership();
    this.#ownership.onLost((id) => this.#standDown(id));
    const { idlePauseMs = sandboxPolicy.idleStopMs } = sandboxPolicy;
    this.#guests = new Guests({
      ...{ driver, clock, connect: options.connect, freshMs: Math.min(10_000, idlePauseMs / 3) },
      ask: (id, signal) => this.#route(id, { name: 'use', body: null }, async () => {}, signal),
    });
    const warn = (err: unknown, text: string) => logger.warn({ err }, text);
    if (this.#ownership.isShared) {
      const act = (...asked: Parameters<Engine['act']>) => this.act(...asked);
      const { commands } = store;
      this.#crossing = new Crossing({ commands, ownership: this.#ownership, clock, ids, act, warn });
    }
    const machine = supervisorMachine.provide({
      actors: {
        session: this.#sessionMachine(),
        hydrate: fromPromise(({ input, signal }) => this.#hydrate(input.id, signal)),
      },
    });
    this.#supervisor = createActor(machine, {
      clock: { setTimeout: (fn, ms) => clock.setTimeout(fn, ms), clearTimeout: (id) => clock.clearTimeout(id) },
      input: { now: () => clock.now(), policy: restartPolicy, limits },
    });
    this.#listen();
  }

  start(): void {
    this.#supervisor.start();
    this.#crossing?.start();
  }

  /** Reaches the session wherever it is, made from its log where it is not in memory; rejects as the command is refused. */
  command<Value>(id: SessionId, command: SessionCommand): Promise<Value> {
    if (!this.#crossing) return this.#command(id, command);
    return this.#crossing.route(id, { name: 'command', body: command }, () => this.#once<Value>(id, command));
  }

  /** Changes the record, and appends what is a fact of it, wherever the session is. */
  change(id: SessionId, wish: Partial<StoredSession>): Promise<StoredSession> {
    return this.#route(id, { name: 'change', body: wish }, () => this.#change(id, wish));
  }

  async #change(id: SessionId, { title, ...marks }: Partial<StoredSession>): Promise<StoredSession> {
    const { writer } = this.#lives.get(id) ?? (await this.reach(id));
    if (title !== undefined) await writer.write([{ type: 'title', runId: null, data: { title } }]);
    if (Object.keys(marks).length > 0) await writer.amend(marks);
    else await writer.settled();
    return writer.record;
  }

  /** The record as it is when everything asked for until now is done. */
  async record(id: SessionId): Promise<StoredSession> {
    return await this.change(id, {});
  }

  /**
   * Does what another server wished of a session of ours; `again`: it may have been done before. Rejects with `fenced`
   * where it is not ours any more: the wish stays where it is, for whoever has the session now.
   */
  async act(id: SessionId, { name, body }: Wish, again: { readonly since: number } | undefined): Promise<unknown> {
    if (name === 'change') return await this.#change(id, body as Partial<StoredSession>);
    if (name === 'note') return this.#noteHere(id, body as Parameters<Engine['note']>[1]);
    if (name === 'use') {
      const used = await this.#use(id, AbortSignal.timeout(this.#options.startTimeoutMs));
      return await used[Symbol.asyncDispose]();
    }
    if (name !== 'command') throw new AppError('unsupported', 'This server is older than the one that asked.');
    return await this.#once(id, body as SessionCommand, again);
  }

  /** A message is asked for once at a time, and not where it is in the log already: whoever asked may have asked twice. */
  #once<Value>(id: SessionId, command: SessionCommand, again?: { readonly since: number }): Promise<Value> {
    if (command.type !== 'cmd.send') return this.#command(id, command);
    return this.#sends(command.messageId, async () => {
      if (!again) return await this.#command<Value>(id, command);
      await this.reach(id); // what is added to the log after this look is added by us, or refuses us
      const sent = await alreadySent(this.#options.log, id, command, again);
      return (sent as Value | undefined) ?? (await this.#command<Value>(id, command));
    });
  }

  #route<Value>(id: SessionId, wish: Wish, here: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    return this.#crossing ? this.#crossing.route(id, wish, here, signal) : here();
  }

  #command<Value>(id: SessionId, command: SessionCommand): Promise<Value> {
    const answer = this.#answers.expect<Value>(id, command.commandId);
    this.#supervisor.send({ type: 'session.command', id, command });
    return answer;
  }

  /** Wants the session's sandbox, through a way of our own where another server works on the session. */
  async use(id: SessionId, signal: AbortSignal): Promise<UsedSandbox> {
    if (!this.#crossing) return await this.#use(id, signal);
    try {
      await this.#ownership.take(id);
      return await this.#use(id, signal);
    } catch (thrown) {
      if (toAppError(thrown).code !== 'fenced') throw thrown;
    }
    return await this.#guests.use(id, signal);
  }

  /** A look into the sandbox while it runs; looking does not start it, nor keep it. */
  async look(id: SessionId, signal: AbortSignal): Promise<SandboxClient | undefined> {
    const live = this.#lives.get(id);
    if (live || !this.#crossing) return live?.isPaused ? undefined : live?.client;
    const { store } = this.#options;
    const newest = await store.events.lastOf(id, 'sandbox.phase');
    const [event] = (await store.events.page(id, newest - 1, 1)).events;
    if (event?.type !== 'sandbox.phase' || !['ready', 'resumed'].includes(event.data.phase)) return undefined;
    return (await this.#guests.look(id, signal).catch(() => undefined))?.client;
  }

  /** Nothing is to be answered to `sandbox.done`. */
  async #use(id: SessionId, signal: AbortSignal): Promise<UsedSandbox> {
    const commandId = this.#options.ids.short();
    const done = () => {
      if (this.#supervisor.getSnapshot().status !== 'active') return; // nobody is there any more who would count it
      this.#supervisor.send({ type: 'session.command', id, command: { type: 'sandbox.done', commandId } });
    };
    const given = () => {
      this.#answers.settle([commandId], { ok: false, code: 'cancelled', message: 'The operation was cancelled.' });
      done();
    };
    signal.addEventListener('abort', given, { once: true });
    try {
      await this.#command(id, { type: 'sandbox.use', commandId });
    } finally {
      signal.removeEventListener('abort', given);
    }
    const live = this.#lives.get(id);
    const client = live?.client;
    if (!client) {
      done();
      throw new AppError('sandbox_lost', 'The sandbox ended unexpectedly.');
    }
    await this.#options.onUse?.(live.writer.record, client, signal).catch((thrown: unknown) => {
      done();
      throw thrown;
    });
    return { client, [Symbol.asyncDispose]: async () => done() };
  }

  /** Makes the session's actor: something in the log or the world is unfinished. */
  wake(id: SessionId, sandbox: 'absent' | 'start' | Pick<SandboxInfo, 'expiresAt'>): void {
    if (typeof sandbox === 'object') this.offer(id, sandbox);
    if (sandbox === 'start') this.#starting.add(id);
    this.#supervisor.send({ type: 'session.wake', id });
  }

  /** Whenever the session is made, it goes on with this sandbox. */
  offer(id: SessionId, { expiresAt }: Pick<SandboxInfo, 'expiresAt'>): void {
    this.#adoptable.set(id, expiresAt);
  }

  /** Whether a run that is asked for now makes a plan. */
  async plansFor(session: SessionRecord): Promise<boolean> {
    return (await this.#options.profileOf(session)).plans;
  }

  live(id: SessionId): Live | undefined {
    return this.#lives.get(id);
  }

  /** What the world has to say of a session; lost when the session is not in memory, as it then has no sandbox. */
  note(id: SessionId, fact: { type: 'egress' | 'sandbox.phase' | 'desktop'; data: unknown }): void {
    const live = this.#lives.get(id);
    if (!live && this.#crossing && this.#ownership.epochOf(id) === undefined) {
      void this.#crossing.post(id, { name: 'note', body: fact }).catch(() => {});
      return;
    }
    this.#noteHere(id, fact);
  }

  #noteHere(id: SessionId, fact: Parameters<Engine['note']>[1]): void {
    const live = this.#lives.get(id);
    const whole = { ...fact, runId: live?.scribe?.runId ?? null } as SessionFact;
    live?.writer.write([whole]).catch((error: unknown) => {
      this.#options.logger.warn({ session: id, err: error }, 'an event could not be written');
    });
  }

  /** Somebody looked at the desktop of a session's sandbox; where the session is ours, its log is told what is new. */
  saw(id: SessionId, status: DesktopStatus): void {
    const facts = this.#lives.get(id)?.desktop.saw(status) ?? [];
    for (const data of facts) this.note(id, { type: 'desktop', data });
  }

  /** The session has a sandbox, or one on its way. */
  holds(id: SessionId): boolean {
    const child = this.#supervisor.getSnapshot().children[id];
    const snapshot = child?.getSnapshot() as { context?: { isPresent?: boolean } } | undefined;
    return snapshot?.context?.isPresent === true;
  }

  /** The session in memory, made from its log where it is not. Rejects: fenced, where another server has it. */
  async reach(id: SessionId): Promise<Live> {
    await this.#command(id, { type: 'cmd.touch', commandId: this.#options.ids.short() });
    return this.#live(id);
  }

  /** Stops all work where it stands: runs stay unfinished in the log, sandboxes stay adoptable. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#crossing?.[Symbol.asyncDispose]();
    await this.#guests[Symbol.asyncDispose]();
    for (const { scribe } of this.#lives.values()) scribe?.shut();
    this.#supervisor.stop();
    // What is on its way to the log is answered by what becomes of it.
    await Promise.allSettled([...this.#releases, ...[...this.#lives.values()].map(({ writer }) => writer.settled())]);
    this.#answers.refuse(new AppError('shutting_down', 'The server is shutting down. Try again in a moment.'));
    this.#lives.clear();
    await Promise.all(this.#leaving.values());
    await this.#ownership[Symbol.asyncDispose](); // last: whoever takes a session over now finds all of it in the log
  }

  #sessionMachine() {
    const { driver, clock, startTimeoutMs, spec, connect, prepare, onRunEnd, agentDesktop } = this.#options;
    const live = (id: SessionId) => this.#live(id);
    const track = (released: Promise<AppError | undefined>) => {
      this.#releases.add(released);
      void released.finally(() => this.#releases.delete(released));
    };
    return sessionMachine.provide({
      actors: {
        run: runWith({
          clock,
          working: (id, runId) => this.#working(id, runId),
          live,
          use: (id, signal) => this.use(id, signal),
          onEnd: onRunEnd,
        }),
        sandbox: sandboxWith({
          ...{ driver, clock, startTimeoutMs, live, prepare, track },
          saw: (id, status) => this.saw(id, status),
          ...(agentDesktop && { release: (client) => agentDesktop.release(client) }),
          spec: (id, sandboxId) => ({ ...spec(id, sandboxId), ...this.#fence(id) }),
          connect: (id, link) => connect({ ...link, ...this.#fence(id) }),
        }),
      },
      actions: {
        record: ({ context }, recording) => this.#record(context.sessionId, recording),
        answer: (_, { commandIds, answer }) => this.#answers.settle(commandIds, answer),
        abandon: ({ context }, broken) => void this.#abandon(context.sessionId, broken),
      },
    });
  }

  /** What tells our calls from those of an owner before us. */
  #fence(id: SessionId): { epoch?: number } {
    const epoch = this.#ownership.isShared ? this.#ownership.epochOf(id) : undefined;
    return epoch === undefined ? {} : { epoch };
  }

  /** It is another server's now: what is in memory goes, and what it began stays as it is. */
  #standDown(id: SessionId): void {
    const error = new AppError('fenced', 'Another server works on this session now.');
    const live = this.#lives.get(id);
    live?.scribe?.shut();
    live?.writer.fence(error);
    if (live) this.#goes(id, live.writer.settled()); // what is on its way may still arrive
    this.#lives.delete(id);
    this.#adoptable.delete(id);
    this.#starting.delete(id);
    this.#supervisor.send({ type: 'session.leave', id });
    this.#answers.refuse(error, id);
    this.#options.logger.info({ session: id }, 'session left to another server');
  }

  /** The log was not where we left it. */
  #fenced(id: SessionId): void {
    this.#standDown(id);
    void this.#ownership.release(id).then(() => this.wake(id, 'absent')); // ours again only if nobody else has it
  }

  #live(id: SessionId): Live {
    const live = this.#lives.get(id);
    if (!live) throw new AppError('session_not_found', 'There is no such session.');
    return live;
  }

  #record(id: SessionId, { facts, answer, stops, decided }: Recording): void {
    const commandIds = [...(answer ? [answer.commandId] : []), ...((stops ?? decided)?.commandIds ?? [])];
    if (facts.length + commandIds.length === 0) return;
    failpointSync('session.record');
    const live = this.#lives.get(id);
    if (!live) return;
    for (const fact of facts) {
      if (fact.type !== 'run.started') continue;
      live.task = fact.data.task;
      live.scribe = this.#scribe(live, fact.runId as RunId, freshRun(fact.data.messageId, fact.data.task));
    }
    hearMessages(live, facts);
    live.writer.write(facts).then(
      (seq) =>
        this.#answers.settle(commandIds, { ok: true, value: answer ? { ...answer, seq } : (stops ?? decided)?.value }),
      (thrown: unknown) => {
        const { code, publicMessage: message } = toAppError(thrown);
        this.#answers.settle(commandIds, { ok: false, code, message });
        if (commandIds.length === 0)
          this.#options.logger.error({ session: id, err: thrown }, 'facts could not be written');
      },
    );
  }

  #scribe(live: Live, runId: RunId, soFar: RunSoFar): RunScribe {
    const { ids, clock } = this.#options;
    const { transcript } = live;
    return new RunScribe({ writer: live.writer, transcript, ids, clock, runId, soFar });
  }

  async #working(id: SessionId, runId: RunId): Promise<Working> {
    const live = this.#live(id);
    const { scribe } = live;
    if (scribe?.runId !== runId) throw new AppError('cancelled', 'The run has ended.');
    await scribe.transcript.load();
    const { profileOf, clock, toolTimeoutMs, approvals, workdir, gate, driver, agentDesktop } = this.#options;
    const desktop = driver.capabilities.desktop ? agentDesktop?.of(id) : undefined;
    const sees = desktop !== undefined && (await desktop.existsIn(live.client));
    const { model, tools, prompt, sampling } = await profileOf(live.writer.record);
    return {
      scribe,
      model,
      tools: sees ? tools : withoutDesktop(tools),
      ...(sees && { desktop }),
      prompt,
      ...(sampling && { sampling }),
      clock,
      toolTimeoutMs,
      approvals,
      task: live.task,
      workdir: live.client?.workdir ?? workdir(sandboxIdOf(id)),
      sandbox: { use: (signal) => this.use(id, signal) },
      ...(gate && { gate: (signal: AbortSignal) => gate(id, signal) }),
      hasTitle: () => live.writer.record.titleBy !== null,
    };
  }

  /** The run's actor broke: that is a bug of ours, and the run ends as failed. */
  async #abandon(id: SessionId, { run: { runId, task }, error }: Broken): Promise<void> {
    const live = this.#lives.get(id);
    const scribe = live?.scribe;
    this.#options.logger.error({ session: id, run: runId, err: error }, 'a run broke');
    const { code, publicMessage: message, retryable } = toAppError(error);
    await scribe
      ?.close(endFacts(runId, task, { reason: 'failed', code, message, retryable }), 'interrupted')
      .catch(() => {});
    if (live && live.scribe === scribe) live.scribe = undefined; // the next run may have begun
    this.#options.onRunEnd('failed');
  }

  async #hydrate(id: SessionId, signal: AbortSignal): Promise<SessionInput> {
    const { store, log, profileOf, runPolicy, sandboxPolicy, passivateMs, maxQueued, clock } = this.#options;
    const before = this.#lives.get(id);
    before?.scribe?.shut();
    await before?.writer.settled();
    await this.#leaving.get(id);
    await this.#ownership.take(id);
    await this.#guests.leave(id);
    const found = await store.records.get('session', id);
    if (!found) throw new AppError('session_not_found', 'There is no such session.');
    const record = StoredSession.parse(found.doc);
    const { head } = await log.page(id, Number.MAX_SAFE_INTEGER, 1);
    const { runs, folds } = await foldRuns(log, record);
    const live: Live = {
      id,
      writer: new SessionWriter({
        log,
        clock,
        record,
        head,
        isWatched: () => this.#options.isWatched(id),
        onFact: (fact) => this.#options.onFact(id, fact),
        confirm: () => this.#ownership.confirm(id),
        onBroken: (error) => {
          if (this.#lives.get(id) !== live) return;
          if (error.code === 'fenced' && this.#crossing) this.#fenced(id);
          else this.#supervisor.send({ type: 'session.broken', id, error });
        },
      }),
      scribe: undefined,
      client: undefined,
      isPaused: false,
      desktop: new DesktopNews(),
      task: '',
      transcript: new Transcript(id, store.records),
    };
    const { transcript } = live;
    if (folds.size > 0) await transcript.load();
    throwIfFired(signal); // it was left meanwhile
    const first = runs[0];
    const fold = first && folds.get(first.runId);
    live.task = first?.task ?? '';
    if (first && fold) await this.#takeUp(live, first.runId, fold, transcript);
    const { plans } = await profileOf(record);
    throwIfFired(signal);
    this.#lives.set(id, live);
    const expiresAt = record.deleting ? undefined : this.#adoptable.get(id);
    this.#adoptable.delete(id);
    const start = this.#starting.delete(id);
    return {
      sessionId: id,
      sandboxId: sandboxIdOf(id),
      runPolicy: { ...runPolicy, plans },
      sandboxPolicy,
      passivateMs,
      maxQueued,
      deleting: record.deleting,
      ...(expiresAt === undefined
        ? { sandbox: start ? ('start' as const) : ('absent' as const) }
        : { sandbox: 'adopt' as const, sandboxLivedMs: sandboxPolicy.ttlMs - (expiresAt - clock.now()) }),
      runs: runs.map((run) => queuedRun(run, folds.get(run.runId)?.resume(transcript, run.runId, clock.now()))),
    };
  }

  /** A run that a restart cut goes on: a message it was saying is complete with what was said. */
  async #takeUp(live: Live, runId: RunId, fold: RunFold, transcript: Transcript): Promise<void> {
    const { ids, clock } = this.#options;
    const { writer } = live;
    if (fold.openMessage) writer.message.adopt(fold.openMessage.fact, fold.openMessage.text);
    live.scribe = new RunScribe({ writer, transcript, ids, clock, runId, soFar: fold.soFar(transcript) });
    const detail = 'The server was restarted; the run goes on.';
    const resumed: SessionFact = { type: 'run.notice', runId, data: { kind: 'resumed_after_restart', detail } };
    await writer.write([...writer.message.close(), resumed]);
  }

  #listen(): void {
    const { logger } = this.#options;
    const supervisor = this.#supervisor;
    supervisor.subscribe({ error: (error) => logger.error({ err: error }, 'the supervisor broke') });
    supervisor.on('session.ended', ({ id, output }) => {
      logger.info({ session: id, output }, 'session left memory');
      const record = this.#lives.get(id)?.writer.record;
      this.#lives.delete(id);
      this.#goes(id, this.#leave(id, record));
    });
    supervisor.on('session.crashed', ({ id, error, restartInMs }) => {
      logger.error({ session: id, err: error, restartInMs }, 'session actor crashed');
      this.#refuseAll(id, error);
    });
    supervisor.on('session.givenUp', ({ id, error }) => {
      logger.error({ session: id, err: error }, 'session given up: it crashed too often');
      this.#refuseAll(id, error);
      void this.#giveUp(id).finally(() => this.#ownership.release(id));
    });
    supervisor.on('session.unavailable', ({ id, error, commands }) => {
      this.#lives.delete(id); // what it knew before it crashed is not to be shown
      this.#adoptable.delete(id);
      const { code, publicMessage: message } = toAppError(error);
      void this.#ownership.release(id);
      if (code !== 'session_not_found' && code !== 'fenced')
        logger.error({ session: id, err: error }, 'session could not be read');
      this.#answers.settle(
        commands.map(({ commandId }) => commandId),
        { ok: false, code, message },
      );
    });
  }

  /** Nobody has it in memory again before that. */
  #goes(id: SessionId, gone: Promise<void>): void {
    const left = Promise.all([this.#leaving.get(id), gone]).then(() => {
      if (this.#leaving.get(id) === left) this.#leaving.delete(id);
    });
    this.#leaving.set(id, left);
  }

  /** It has nothing to go on with, and another server may have it. */
  async #leave(id: SessionId, record: StoredSession | undefined): Promise<void> {
    const { records } = this.#options.store;
    if (record && !isUnfinished(record)) await records.delete(unfinishedKind, id).catch(() => {}); // one too many does no harm
    await this.#ownership.release(id);
  }

  /** Nobody is there any more who would answer. */
  #refuseAll(id: SessionId, error: unknown): void {
    const bug = new AppError('internal', 'Something went wrong in this session; it is being restarted.');
    this.#answers.refuse(error instanceof AppError ? error : bug, id);
  }

  async #giveUp(id: SessionId): Promise<void> {
    const live = this.#lives.get(id);
    this.#lives.delete(id);
    if (!live) return;
    const end = {
      reason: 'failed',
      code: 'restart_intensity',
      message: 'The session crashed too often and was given up. Send a message to try again.',
      retryable: false,
    } as const;
    const facts = live.writer.record.openRuns.flatMap(({ runId, task }) => endFacts(runId, task, end));
    await (live.scribe ? live.scribe.close(facts, 'interrupted') : live.writer.write(facts)).catch((error: unknown) =>
      this.#options.logger.error({ session: id, err: error }, 'the end of a session could not be written'),
    );
  }
}
