import { z } from 'zod';
import { runWorkLoop } from '../../core/concurrency/rounds.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { SessionId } from '../../core/model/ids.ts';
import type { Ownership } from '../engine/ownership.ts';
import type { LeaseOptions } from './leased-ownership.ts';

export interface PeerReplicasOptions extends Omit<LeaseOptions, 'leases'>, Pick<ServerDependencies, 'records'> {
  readonly ownership: Ownership;
  /** Unique per server process. */
  readonly name: string;
  readonly closing: AbortSignal;
  /** Takes over sessions of a lost server, unless another server is faster. */
  readonly inherit: (ids: readonly SessionId[]) => Promise<void>;
  readonly warn: (error: unknown, text: string) => void;
}
interface Peer {
  version: number;
  /** When the record last changed, by this server's clock. Other servers' clocks may differ. */
  since: number;
  sessions: ReadonlySet<SessionId>;
}

const kind = 'replica';
const Doc = z.object({ holder: z.string(), gone: z.boolean(), sessions: z.array(SessionId) });
const lookMs = 400;

/** Each server records its sessions, so that others can take them over. */
export class PeerReplicas extends ServerComponent<PeerReplicasOptions> implements AsyncDisposable {
  readonly #known = new Map<string, Peer>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #leaving: SessionId[] | undefined;

  constructor(options: PeerReplicasOptions) {
    super(options);
    options.closing.addEventListener('abort', () => this.#leave(), { once: true });
    this.#running = this.#run();
  }

  has(id: SessionId): boolean {
    const { elapsed, ttlMs } = this.deps;
    const now = elapsed();
    return [...this.#known.values()].some(({ since, sessions }) => sessions.has(id) && now - since <= ttlMs);
  }

  /** Dispose only after all session work: other servers then take over immediately. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
    this.#stop.abort();
    await this.#running;
    // if this fails, the others take over when the record expires
    await this.#say(true, this.#leaving ?? []).catch(() => {});
  }

  #leave(): void {
    this.#leaving ??= this.deps.ownership.owned();
  }

  async #run(): Promise<void> {
    const { clock, elapsed, ttlMs, warn } = this.deps;
    const { signal } = this.#stop;
    let announcedAt = Number.NEGATIVE_INFINITY;
    const everyMs = Math.min(lookMs, ttlMs / 3);
    const round = async () => {
      if (elapsed() - announcedAt >= ttlMs / 3) {
        announcedAt = elapsed();
        await this.#say(false, this.deps.ownership.owned());
      }
      if (this.#leaving === undefined) await this.#look();
      return everyMs;
    };
    const onError = (error: unknown) => warn(error, 'the records of the other servers could not be read');
    await runWorkLoop(round, { clock, failedMs: everyMs, onError }, signal);
  }

  async #say(gone: boolean, sessions: readonly SessionId[]): Promise<void> {
    const { records, name, holder, clock } = this.deps;
    await records.put({ kind, id: name, doc: { holder, gone, sessions }, sort: clock.now() });
  }

  async #look(): Promise<void> {
    const { records, name, isDead, elapsed, ttlMs, inherit } = this.deps;
    const now = elapsed();
    const found = await records.list(kind);
    for (const id of this.#known.keys()) if (!found.some((it) => it.id === id)) this.#known.delete(id);
    for (const { id, version, doc } of found) {
      if (id === name) continue;
      const { holder, gone, sessions } = Doc.parse(doc);
      const before = this.#known.get(id);
      const known = before?.version === version ? before : { version, since: now, sessions: new Set(sessions) };
      const isOver = gone || now - known.since > ttlMs || isDead(holder);
      this.#known.set(id, isOver ? { ...known, sessions: new Set() } : known);
      if (!isOver) continue;
      await inherit(sessions);
      await records.delete(kind, id);
    }
  }
}
