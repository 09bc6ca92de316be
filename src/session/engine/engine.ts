import type { SandboxInfo } from '../../../drivers/driver.ts';
import { type SessionCommand, sessionMachine } from '../../../machines/session.ts';
import { AppError } from '../../core/errors.ts';
import type { SessionId } from '../../core/ids.ts';
import type { SessionRecord } from '../../core/records.ts';
import { breachOf } from '../../core/untrusted.ts';
import type { DesktopStatus, SandboxClient } from '../../sandbox/client.ts';
import type { Live } from '../run/live-session.ts';
import type { StoredSession } from '../run/projection.ts';
import { runWith } from '../run/run-actors.ts';
import type { UsedSandbox } from '../run/used-sandbox.ts';
import type { SandboxExchange } from './cluster.ts';
import { CommandRouter, type Note } from './command-router.ts';
import { diskNews } from './disk-news.ts';
import type { EngineOptions } from './engine-options.ts';
import { Eviction } from './eviction.ts';
import { Hydration } from './hydration.ts';
import { LiveSessions } from './live-sessions.ts';
import { type Ownership, soleOwnership } from './ownership.ts';
import { PendingCommands } from './pending-commands.ts';
import { workingWith } from './run-context-factory.ts';
import { Runs } from './run-recorder.ts';
import { SandboxUses } from './sandbox-access.ts';
import { sandboxWith } from './sandbox-actors.ts';
import { Supervision } from './supervision.ts';

/** The supervisor and its sessions, connected to the store and the driver. Takes commands and appends facts to the log. */
export class Engine implements AsyncDisposable {
  readonly #options: EngineOptions;
  readonly #liveSessions = new LiveSessions();
  readonly #pendingCommands = new PendingCommands();
  readonly #releases = new Set<Promise<unknown>>();
  readonly #ownership: Ownership;
  readonly #remoteSandboxes: SandboxExchange | undefined;
  readonly #runs: Runs;
  readonly #uses: SandboxUses;
  readonly #router: CommandRouter;
  readonly #supervision: Supervision;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#ownership = options.cluster?.ownership ?? soleOwnership();
    this.#remoteSandboxes = options.cluster?.sandboxes({
      ask: (id, signal) => this.#router.askForUse(id, signal),
      distrust: (id, error) => void this.#distrust(id, error).catch(() => {}), // the owner notices by itself otherwise
    });
    const [liveSessions, pendingCommands, ownership, remoteSandboxes] = [
      this.#liveSessions,
      this.#pendingCommands,
      this.#ownership,
      this.#remoteSandboxes,
    ];
    const supervision = () => this.#supervision; // a function, because supervisor and sessions refer to each other
    const eviction = new Eviction({ ...options, liveSessions, pendingCommands, ownership, supervision });
    ownership.onLost((id) => eviction.standDown(id));
    this.#runs = new Runs({ ...options, liveSessions, pendingCommands });
    this.#uses = new SandboxUses({
      ...options,
      liveSessions,
      pendingCommands,
      ownership,
      remoteSandboxes,
      supervision,
    });
    this.#router = new CommandRouter({
      ...{ ...options, liveSessions, ownership, supervision, uses: this.#uses },
      onStale: (id) => eviction.fenced(id),
    });
    const hydration = new Hydration({
      ...{ ...options, liveSessions, ownership, remoteSandboxes },
      onBroken: (id, error) => {
        if (error.code === 'fenced' && ownership.isShared) eviction.fenced(id);
        else this.#supervision.broken(id, error);
      },
    });
    this.#supervision = new Supervision({
      ...{ ...options, pendingCommands },
      session: this.#sessionMachine(),
      hydrate: (id, signal) => hydration.make(id, signal),
      onEnded: (id) => eviction.ended(id),
      onUnavailable: (id) => eviction.unavailable(id),
      onGivenUp: (id) => void this.#runs.giveUp(id).finally(() => ownership.release(id)),
    });
  }

  start(): void {
    this.#supervision.start();
    this.#router.start();
  }

  /**
   * Sends the command to the session's owner, which hydrates the session first if needed. Rejects when the command is
   * refused.
   */
  command<Value>(id: SessionId, command: SessionCommand): Promise<Value> {
    return this.#router.command(id, command);
  }

  /** Has the owner change the record and append the facts of the change. */
  change(id: SessionId, change: Partial<StoredSession>): Promise<StoredSession> {
    return this.#router.change(id, change);
  }

  /** The record after every change requested so far. */
  async record(id: SessionId): Promise<StoredSession> {
    return await this.change(id, {});
  }

  /** Holds the session's sandbox in use, starting it if needed; connects directly when another server owns the session. */
  use(id: SessionId, signal: AbortSignal): Promise<UsedSandbox> {
    return this.#uses.use(id, signal);
  }

  /** Connects to a running sandbox; undefined when none runs. Does not start it or delay its idle stop. */
  look(id: SessionId, signal: AbortSignal): Promise<SandboxClient | undefined> {
    return this.#uses.look(id, signal);
  }

  /** Starts the session's actor, because its log or its sandbox shows unfinished work. */
  wake(id: SessionId, sandbox: 'absent' | 'start' | Pick<SandboxInfo, 'expiresAt'>): void {
    if (typeof sandbox === 'object') this.offer(id, sandbox);
    if (sandbox === 'start') this.#liveSessions.begin(id);
    this.#supervision.wake(id);
  }

  /** Keeps a running sandbox for the session's next hydration, which then adopts it. */
  offer(id: SessionId, { expiresAt }: Pick<SandboxInfo, 'expiresAt'>): void {
    this.#liveSessions.offer(id, expiresAt);
  }

  /** Whether a run that starts now would make a plan. */
  async plansFor(session: SessionRecord): Promise<boolean> {
    return (await this.#options.profileOf(session)).plans;
  }

  live(id: SessionId): Live | undefined {
    return this.#liveSessions.get(id);
  }

  /**
   * Appends a fact from outside of the session's actor. Drops it when the session is not in memory, and so has no sandbox.
   */
  note(id: SessionId, note: Note): void {
    this.#router.note(id, note);
  }

  /** Appends what changed since the desktop's last status, if this server owns the session. */
  saw(id: SessionId, status: DesktopStatus): void {
    const facts = this.#liveSessions.get(id)?.desktop.saw(status) ?? [];
    for (const data of facts) this.note(id, { type: 'desktop', data });
  }

  /** Whether the session has a sandbox, or one that is starting. */
  holds(id: SessionId): boolean {
    return this.#supervision.holds(id);
  }

  /** The session in memory, hydrated from its log if needed. Rejects: fenced, when another server owns it. */
  reach(id: SessionId): Promise<Live> {
    return this.#router.reach(id);
  }

  /** Stops all work at once: runs stay unfinished in the log, and sandboxes stay for adoption. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#router[Symbol.asyncDispose]();
    await this.#remoteSandboxes?.[Symbol.asyncDispose]();
    for (const { runWriter } of this.#liveSessions.all()) runWriter?.shut();
    this.#supervision.stop();
    // Commands whose facts are being written get the result of that write as their answer.
    await Promise.allSettled([...this.#releases, ...this.#liveSessions.all().map(({ writer }) => writer.settled())]);
    await this.#liveSessions.allGone();
    this.#pendingCommands.refuse(new AppError('shutting_down', 'The server is shutting down. Try again in a moment.'));
    this.#liveSessions.clear();
    await this.#ownership[Symbol.asyncDispose](); // last, so that the next owner finds everything in the log
  }

  async #distrust(id: SessionId, error: unknown): Promise<void> {
    const breach = breachOf(error);
    if (breach) await this.command(id, { type: 'sandbox.distrust', commandId: this.#options.ids.short(), breach });
  }

  #sessionMachine() {
    const { driver, clock, startTimeoutMs, spec, connect, prepare, onRunEnd, agentDesktop, diskFloor } = this.#options;
    const [liveSessions, runs] = [this.#liveSessions, this.#runs];
    const live = (id: SessionId) => liveSessions.the(id);
    const use = (id: SessionId, signal: AbortSignal) => this.use(id, signal);
    const track = (released: Promise<AppError | undefined>) => {
      this.#releases.add(released);
      void released.finally(() => this.#releases.delete(released));
    };
    return sessionMachine.provide({
      actors: {
        run: runWith({
          clock,
          live,
          use,
          working: workingWith({ ...this.#options, liveSessions, use }),
          onEnd: onRunEnd,
        }),
        sandbox: sandboxWith({
          ...{ driver, clock, startTimeoutMs, live, prepare, track },
          saw: (id, status) => this.saw(id, status),
          ...(diskFloor && {
            disk: diskNews(diskFloor, (id, data) => this.note(id, { type: 'sandbox.disk_exceeded', data })),
          }),
          ...(agentDesktop && { release: (client) => agentDesktop.release(client) }),
          spec: (id, sandboxId) => ({ ...spec(id, sandboxId), ...this.#fence(id) }),
          connect: (id, link) => connect({ ...link, ...this.#fence(id) }),
        }),
      },
      actions: {
        record: ({ context }, recording) => runs.record(context.sessionId, recording),
        answer: (_, { commandIds, answer }) => this.#pendingCommands.settle(commandIds, answer),
        abandon: ({ context }, broken) => void runs.abandon(context.sessionId, broken),
      },
    });
  }

  /** The owner's epoch, by which the daemon refuses calls of an earlier owner. */
  #fence(id: SessionId): { epoch?: number } {
    const epoch = this.#ownership.isShared ? this.#ownership.epochOf(id) : undefined;
    return epoch === undefined ? {} : { epoch };
  }
}
