import type { Driver, SandboxLink, SandboxSpec } from '../../../drivers/driver.ts';
import { runWithTimeout } from '../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { type IdSource, type SessionId, sandboxIdOf, type VolumeId } from '../../core/model/ids.ts';
import type { MountAccess, Volume } from '../../core/model/sandboxes/volume.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { Ownership } from '../engine/ownership.ts';
import { type VolumeRecords, writerConflictError } from './volume-records.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'warn'> {
  readonly records: VolumeRecords;
  readonly driver: Pick<Driver, 'provision' | 'attach' | 'destroy'>;
  /** Why the driver cannot mount volumes. Undefined if the driver can mount them. */
  readonly refusal: string | undefined;
  /** The sandbox has no network access. The volume is at `folder` in its workspace. */
  readonly spec: (session: SessionId, volume: Volume, how: { folder: string; access: MountAccess }) => SandboxSpec;
  readonly connect: (link: SandboxLink & { readonly epoch?: number }) => SandboxClient;
  readonly startTimeoutMs: number;
  readonly ownership: Pick<Ownership, 'isShared' | 'take' | 'release'>;
  readonly ids: Pick<IdSource, 'sessionId'>;
}
interface TransferSandbox {
  readonly sessionId: SessionId;
  readonly access: MountAccess;
  readonly ready: Promise<{ readonly client: SandboxClient; readonly link: SandboxLink }>;
  uses: number;
  timer?: unknown;
  ended?: Promise<void>;
}
export interface TransferLease extends AsyncDisposable {
  readonly client: SandboxClient;
  readonly folder: string;
  readonly access: MountAccess;
}

/** Names of configured templates contain no dot, so sessions cannot choose this template. */
export const volumeTransferTemplateName = 'corral.volume';
const folder = 'volume';
const idleMs = 10_000;
export const maxVolumeTransferMs = 10 * 60_000;
const holdMs = maxVolumeTransferMs + 60_000;
const callMs = 30_000;

/** Each sandbox has one volume and no network access, to confine malicious symbolic links. */
export class TransferSandboxPool extends ServerComponent<Deps> {
  readonly #sandboxes = new Map<string, TransferSandbox>();
  readonly #ids = new Set<SessionId>();

  /** True for sandboxes in the pool, which the reconciler must not remove. */
  has = (id: SessionId): boolean => this.#ids.has(id);

  /**
   * Even with `read`, mounts for writing if possible, because some files are readable only by their owner. Rejects:
   * not_found, unsupported, conflict (`write` with another writer), sandbox_lost.
   */
  async use(id: string, target: MountAccess, signal: AbortSignal): Promise<TransferLease> {
    const { records, refusal } = this.deps;
    const volume = await records.get(id);
    if (refusal !== undefined) throw new AppError('unsupported', `Sandboxes do not support volumes here: ${refusal}.`);
    for (const access of target === 'write' ? (['write'] as const) : (['write', 'read'] as const)) {
      try {
        return await this.#use(volume, access, signal);
      } catch (thrown) {
        if (access === target || toAppError(thrown).code !== 'conflict') throw thrown;
      }
    }
    throw new AppError('internal', 'No access mode was tried.');
  }

  /** Idle sandboxes can keep sessions from writing to the volume, and the volume from being deleted. */
  async endIdle(volume: VolumeId): Promise<void> {
    const idle = [...this.#sandboxes].filter(([key, { uses }]) => key.startsWith(`${volume} `) && uses === 0);
    await Promise.all(idle.map(([key, sandbox]) => this.#end(key, sandbox)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sandboxes].map(([key, sandbox]) => this.#end(key, sandbox)));
  }

  async #use(volume: Volume, access: MountAccess, signal: AbortSignal): Promise<TransferLease> {
    const key = `${volume.id} ${access}`;
    const sandbox = this.#sandboxes.get(key) ?? this.#begin(key, volume, access);
    sandbox.uses += 1;
    if (sandbox.timer !== undefined) this.deps.clock.clearTimeout(sandbox.timer);
    sandbox.timer = undefined;
    const leave = async () => {
      sandbox.uses -= 1;
      if (sandbox.uses > 0 || sandbox.ended) return;
      sandbox.timer = this.deps.clock.setTimeout(() => void this.#end(key, sandbox), idleMs);
    };
    try {
      if (access === 'write') await this.#hold(volume, sandbox.sessionId);
      const { client, link } = await sandbox.ready;
      signal.throwIfAborted();
      if (link.lost.aborted) {
        await this.#end(key, sandbox);
        throw new AppError('sandbox_lost', 'The sandbox of the volume was lost. Try again.');
      }
      return { client, folder, access, [Symbol.asyncDispose]: leave };
    } catch (thrown) {
      await leave();
      throw thrown;
    }
  }

  #begin(key: string, volume: Volume, access: MountAccess): TransferSandbox {
    const sessionId = this.deps.ids.sessionId();
    this.#ids.add(sessionId);
    const ready = this.#start(volume, sessionId, access);
    const sandbox: TransferSandbox = { sessionId, access, ready, uses: 0 };
    ready.catch(() => this.#end(key, sandbox));
    this.#sandboxes.set(key, sandbox);
    return sandbox;
  }

  async #start(volume: Volume, sessionId: SessionId, access: MountAccess) {
    const { driver, spec, connect, ownership, startTimeoutMs, clock } = this.deps;
    if (access === 'write') await this.#hold(volume, sessionId);
    const id = sandboxIdOf(sessionId);
    // The lease hides the sandbox from other servers' reconcilers.
    const fence = ownership.isShared ? { epoch: await ownership.take(sessionId) } : {};
    const requested = { ...spec(sessionId, volume, { folder, access }), ...fence };
    await runWithTimeout({ ms: startTimeoutMs, clock }, (call) => driver.provision(requested, call));
    const link = await runWithTimeout({ ms: callMs, clock }, (call) => driver.attach(id, call));
    return { link, client: connect({ ...link, ...fence }) };
  }

  async #hold(volume: Volume, sessionId: SessionId): Promise<void> {
    const { records, clock } = this.deps;
    await records.update(volume.id, async (now) => {
      const others = (await records.present(now.holders)).filter((holder) => holder.sessionId !== sessionId);
      const writer = others.find(({ access }) => access === 'write');
      if (writer) throw writerConflictError(now, writer);
      const at = clock.now();
      return { ...now, holders: [...others, { sessionId, access: 'write', at, until: at + holdMs }] };
    });
  }

  #end(key: string, sandbox: TransferSandbox): Promise<void> {
    if (this.#sandboxes.get(key) === sandbox) this.#sandboxes.delete(key);
    if (sandbox.timer !== undefined) this.deps.clock.clearTimeout(sandbox.timer);
    sandbox.ended ??= this.#remove(key, sandbox);
    return sandbox.ended;
  }

  async #remove(key: string, { sessionId, ready }: TransferSandbox): Promise<void> {
    const { driver, records, ownership, clock, warn } = this.deps;
    const started = await ready.catch(() => undefined);
    try {
      await started?.link[Symbol.asyncDispose]();
      await runWithTimeout({ ms: callMs, clock }, (call) => driver.destroy(sandboxIdOf(sessionId), 'remove', call));
      const [volume = ''] = key.split(' ');
      await records.update(volume, (now) => {
        const holders = now.holders.filter((holder) => holder.sessionId !== sessionId);
        return holders.length === now.holders.length ? now : { ...now, holders };
      });
    } catch (err) {
      // The reconciler removes the sandbox later, and the holder's entry lapses.
      if (toAppError(err).code !== 'not_found') warn({ err }, 'the sandbox of a volume could not be ended');
    }
    this.#ids.delete(sessionId);
    if (ownership.isShared) await ownership.release(sessionId).catch(() => {}); // if this fails, the lease lapses
  }
}
