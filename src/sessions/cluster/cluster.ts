import type { Driver, SandboxLink } from '../../../drivers/driver.ts';
import { createTimeoutSignal, raceAbort } from '../../core/concurrency/cancel.ts';
import type { CommandQueue } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { type SessionId, sandboxIdOf } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { Cluster } from '../engine/cluster.ts';
import type { Ownership, RemoteSandboxAccess } from '../engine/ownership.ts';
import type { SandboxLease } from '../run/run-context.ts';
import { CommandRouter } from './command-router.ts';

interface Options extends Pick<ServerDependencies, 'clock' | 'ids'> {
  readonly ownership: Ownership;
  readonly commands: CommandQueue;
  readonly driver: Driver;
  readonly connect: (link: SandboxLink) => SandboxClient;
  /** The holder pauses or stops a sandbox that has been unused for this long. */
  readonly idleMs: number;
  readonly startTimeoutMs: number;
  readonly warn: (error: unknown, text: string) => void;
}
const maxFreshMs = 10_000;

export function createCluster({
  ownership,
  commands,
  driver,
  clock,
  ids,
  connect,
  idleMs,
  startTimeoutMs,
  warn,
}: Options): Cluster {
  return {
    ownership,
    connect(local) {
      const router = new CommandRouter({ ...local, commands, ownership, clock, ids, startTimeoutMs, warn });
      const freshMs = Math.min(maxFreshMs, idleMs / 3);
      return { commands: router, sandboxes: new RemoteSandboxes({ holder: router, driver, clock, connect, freshMs }) };
    },
  };
}

interface SandboxHolder {
  /** Makes the holder mark the sandbox as used and start it if needed. */
  askForUse(id: SessionId, signal: AbortSignal): Promise<void>;
  /** Makes the holder destroy a sandbox in which something other than our daemon answers. */
  distrust(id: SessionId, error: unknown): void;
}
interface RemoteSandboxOptions extends Pick<ServerDependencies, 'clock'> {
  readonly holder: SandboxHolder;
  readonly driver: Driver;
  readonly connect: (link: SandboxLink) => SandboxClient;
  /** Interval of the requests that keep the holder from treating the sandbox as idle. */
  readonly freshMs: number;
}
interface RemoteLink {
  readonly link: SandboxLink;
  readonly client: SandboxClient;
  users: number;
  requestedAt: number;
  timer: unknown;
}
const attachMs = 30_000;
const keptMs = 30_000;

/** Connects directly to sandboxes of sessions that other servers own. */
export class RemoteSandboxes extends ServerComponent<RemoteSandboxOptions> implements RemoteSandboxAccess {
  readonly #links = new Map<SessionId, Promise<RemoteLink>>();

  async use(id: SessionId, signal: AbortSignal): Promise<SandboxLease> {
    const { clock, holder, freshMs } = this.deps;
    const known = await this.#known(id);
    if (!known || clock.now() - known.requestedAt >= freshMs) await holder.askForUse(id, signal);
    const remote = await this.look(id, signal);
    remote.requestedAt = clock.now();
    const busy = () => {
      remote.requestedAt = clock.now();
      timer = clock.setTimeout(busy, freshMs);
      holder.askForUse(id, AbortSignal.timeout(attachMs)).catch(() => {}); // on failure, calls into the sandbox fail too
    };
    let timer = clock.setTimeout(busy, freshMs);
    remote.users += 1;
    return {
      client: remote.client,
      [Symbol.asyncDispose]: async () => {
        clock.clearTimeout(timer);
        remote.users -= 1;
        this.#closeLater(id, remote);
      },
    };
  }

  async look(id: SessionId, signal: AbortSignal): Promise<RemoteLink> {
    const known = await this.#known(id);
    if (known) return known;
    const opening = this.#links.get(id) ?? this.#open(id);
    this.#links.set(id, opening);
    opening.catch(() => {
      if (this.#links.get(id) === opening) this.#links.delete(id);
    });
    return await raceAbort(opening, signal);
  }

  async leave(id: SessionId): Promise<void> {
    const remote = await this.#links.get(id)?.catch(() => undefined);
    this.#links.delete(id);
    this.deps.clock.clearTimeout(remote?.timer);
    await remote?.link[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#links.keys()].map((id) => this.leave(id)));
  }

  async #known(id: SessionId): Promise<RemoteLink | undefined> {
    const remote = await this.#links.get(id)?.catch(() => undefined);
    if (!remote?.link.lost.aborted && !remote?.client.trust.broken.aborted) return remote;
    await this.leave(id);
    return undefined;
  }

  /** Waiting callers share one attempt, which continues even if its first caller gives up. */
  async #open(id: SessionId): Promise<RemoteLink> {
    const { driver, clock, connect, holder } = this.deps;
    using until = createTimeoutSignal(attachMs, clock);
    const link = await driver.attach(sandboxIdOf(id), until, 'guest');
    const client = connect(link);
    const { broken } = client.trust;
    broken.addEventListener('abort', () => holder.distrust(id, broken.reason), { once: true });
    const remote: RemoteLink = {
      link,
      client,
      users: 0,
      requestedAt: Number.NEGATIVE_INFINITY,
      timer: undefined,
    };
    this.#closeLater(id, remote);
    return remote;
  }

  #closeLater(id: SessionId, remote: RemoteLink): void {
    const { clock } = this.deps;
    clock.clearTimeout(remote.timer);
    remote.timer = clock.setTimeout(() => {
      if (remote.users === 0) void this.leave(id);
      else this.#closeLater(id, remote);
    }, keptMs);
  }
}
