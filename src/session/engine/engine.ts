import type { SandboxInfo } from '../../../drivers/driver.ts';
import { type SessionCommand, sessionMachine } from '../../../machines/session.ts';
import { AppError } from '../../core/errors.ts';
import type { SessionId } from '../../core/ids.ts';
import type { SessionRecord } from '../../core/records.ts';
import type { DesktopStatus, SandboxClient } from '../../sandbox/client.ts';
import { type Ownership, soleOwnership } from '../cluster/ownership.ts';
import { Guests } from '../cluster/remote-sandboxes.ts';
import type { StoredSession } from '../run/projection.ts';
import { runWith } from '../run/run-actors.ts';
import { workingWith } from '../run/run-context-factory.ts';
import { type Note, Wishes } from './command-router.ts';
import type { EngineOptions } from './engine-options.ts';
import { Departures } from './eviction.ts';
import { Hydration } from './hydration.ts';
import type { Live } from './live-session.ts';
import { Residents } from './live-sessions.ts';
import { Answers } from './pending-commands.ts';
import { Runs } from './run-recorder.ts';
import { SandboxUses } from './sandbox-access.ts';
import { sandboxWith } from './sandbox-actors.ts';
import { Supervision } from './supervision.ts';
import type { UsedSandbox } from './used-sandbox.ts';

/** The supervisor and its sessions, with their holes filled; commands go in, facts go to the log. */
export class Engine implements AsyncDisposable {
  readonly #options: EngineOptions;
  readonly #residents = new Residents();
  readonly #answers = new Answers();
  readonly #releases = new Set<Promise<unknown>>();
  readonly #ownership: Ownership;
  readonly #guests: Guests;
  readonly #runs: Runs;
  readonly #uses: SandboxUses;
  readonly #wishes: Wishes;
  readonly #supervision: Supervision;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#ownership = options.ownership ?? soleOwnership();
    const { driver, clock, connect, sandboxPolicy } = options;
    const { idlePauseMs = sandboxPolicy.idleStopMs } = sandboxPolicy;
    this.#guests = new Guests({
      ...{ driver, clock, connect, freshMs: Math.min(10_000, idlePauseMs / 3) },
      ask: (id, signal) => this.#wishes.askForUse(id, signal),
    });
    const [residents, answers, ownership, guests] = [this.#residents, this.#answers, this.#ownership, this.#guests];
    const supervision = () => this.#supervision; // they know one another
    const departures = new Departures({ ...options, residents, answers, ownership, supervision });
    ownership.onLost((id) => departures.standDown(id));
    this.#runs = new Runs({ ...options, residents, answers });
    this.#uses = new SandboxUses({ ...options, residents, answers, ownership, guests, supervision });
    this.#wishes = new Wishes({
      ...{ ...options, residents, ownership, supervision, uses: this.#uses },
      onStale: (id) => departures.fenced(id),
    });
    const hydration = new Hydration({
      ...{ ...options, residents, ownership, guests },
      onBroken: (id, error) => {
        if (error.code === 'fenced' && ownership.isShared) departures.fenced(id);
        else this.#supervision.broken(id, error);
      },
    });
    this.#supervision = new Supervision({
      ...{ ...options, answers },
      session: this.#sessionMachine(),
      hydrate: (id, signal) => hydration.make(id, signal),
      onEnded: (id) => departures.ended(id),
      onUnavailable: (id) => departures.unavailable(id),
      onGivenUp: (id) => void this.#runs.giveUp(id).finally(() => ownership.release(id)),
    });
  }

  start(): void {
    this.#supervision.start();
    this.#wishes.start();
  }

  /** Reaches the session wherever it is, made from its log where it is not in memory; rejects as the command is refused. */
  command<Value>(id: SessionId, command: SessionCommand): Promise<Value> {
    return this.#wishes.command(id, command);
  }

  /** Changes the record, and appends what is a fact of it, wherever the session is. */
  change(id: SessionId, wish: Partial<StoredSession>): Promise<StoredSession> {
    return this.#wishes.change(id, wish);
  }

  /** The record as it is when everything asked for until now is done. */
  async record(id: SessionId): Promise<StoredSession> {
    return await this.change(id, {});
  }

  /** Wants the session's sandbox, through a way of our own where another server works on the session. */
  use(id: SessionId, signal: AbortSignal): Promise<UsedSandbox> {
    return this.#uses.use(id, signal);
  }

  /** A look into the sandbox while it runs; looking does not start it, nor keep it. */
  look(id: SessionId, signal: AbortSignal): Promise<SandboxClient | undefined> {
    return this.#uses.look(id, signal);
  }

  /** Makes the session's actor: something in the log or the world is unfinished. */
  wake(id: SessionId, sandbox: 'absent' | 'start' | Pick<SandboxInfo, 'expiresAt'>): void {
    if (typeof sandbox === 'object') this.offer(id, sandbox);
    if (sandbox === 'start') this.#residents.begin(id);
    this.#supervision.wake(id);
  }

  /** Whenever the session is made, it goes on with this sandbox. */
  offer(id: SessionId, { expiresAt }: Pick<SandboxInfo, 'expiresAt'>): void {
    this.#residents.offer(id, expiresAt);
  }

  /** Whether a run that is asked for now makes a plan. */
  async plansFor(session: SessionRecord): Promise<boolean> {
    return (await this.#options.profileOf(session)).plans;
  }

  live(id: SessionId): Live | undefined {
    return this.#residents.get(id);
  }

  /** What the world has to say of a session; lost when the session is not in memory, as it then has no sandbox. */
  note(id: SessionId, note: Note): void {
    this.#wishes.note(id, note);
  }

  /** Somebody looked at the desktop of a session's sandbox; where the session is ours, its log is told what is new. */
  saw(id: SessionId, status: DesktopStatus): void {
    const facts = this.#residents.get(id)?.desktop.saw(status) ?? [];
    for (const data of facts) this.note(id, { type: 'desktop', data });
  }

  /** The session has a sandbox, or one on its way. */
  holds(id: SessionId): boolean {
    return this.#supervision.holds(id);
  }

  /** The session in memory, made from its log where it is not. Rejects: fenced, where another server has it. */
  reach(id: SessionId): Promise<Live> {
    return this.#wishes.reach(id);
  }

  /** Stops all work where it stands: runs stay unfinished in the log, sandboxes stay adoptable. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#wishes[Symbol.asyncDispose]();
    await this.#guests[Symbol.asyncDispose]();
    for (const { scribe } of this.#residents.all()) scribe?.shut();
    this.#supervision.stop();
    // What is on its way to the log is answered by what becomes of it.
    await Promise.allSettled([...this.#releases, ...this.#residents.all().map(({ writer }) => writer.settled())]);
    await this.#residents.allGone();
    this.#answers.refuse(new AppError('shutting_down', 'The server is shutting down. Try again in a moment.'));
    this.#residents.clear();
    await this.#ownership[Symbol.asyncDispose](); // last: whoever takes a session over now finds all of it in the log
  }

  #sessionMachine() {
    const { driver, clock, startTimeoutMs, spec, connect, prepare, onRunEnd, agentDesktop } = this.#options;
    const [residents, runs] = [this.#residents, this.#runs];
    const live = (id: SessionId) => residents.the(id);
    const use = (id: SessionId, signal: AbortSignal) => this.use(id, signal);
    const track = (released: Promise<AppError | undefined>) => {
      this.#releases.add(released);
      void released.finally(() => this.#releases.delete(released));
    };
    return sessionMachine.provide({
      actors: {
        run: runWith({ clock, live, use, working: workingWith({ ...this.#options, residents, use }), onEnd: onRunEnd }),
        sandbox: sandboxWith({
          ...{ driver, clock, startTimeoutMs, live, prepare, track },
          saw: (id, status) => this.saw(id, status),
          ...(agentDesktop && { release: (client) => agentDesktop.release(client) }),
          spec: (id, sandboxId) => ({ ...spec(id, sandboxId), ...this.#fence(id) }),
          connect: (id, link) => connect({ ...link, ...this.#fence(id) }),
        }),
      },
      actions: {
        record: ({ context }, recording) => runs.record(context.sessionId, recording),
        answer: (_, { commandIds, answer }) => this.#answers.settle(commandIds, answer),
        abandon: ({ context }, broken) => void runs.abandon(context.sessionId, broken),
      },
    });
  }

  /** What tells our calls from those of an owner before us. */
  #fence(id: SessionId): { epoch?: number } {
    const epoch = this.#ownership.isShared ? this.#ownership.epochOf(id) : undefined;
    return epoch === undefined ? {} : { epoch };
  }
}
