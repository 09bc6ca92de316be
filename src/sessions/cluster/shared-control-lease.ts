import { runAtIntervals } from '../../core/concurrency/rounds.ts';
import type { LeaseStore } from '../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import type {
  SharedDesktopControl,
  SharedDesktopControlFactory,
  SharedDesktopControlOptions,
} from '../desktop/control-lease.ts';

interface Options extends SharedDesktopControlOptions, Pick<ServerDependencies, 'clock'> {
  readonly leases: LeaseStore;
  /** Unique per server process. */
  readonly server: string;
}

export const createSharedDesktopControlFactory =
  (common: Pick<Options, 'leases' | 'clock' | 'server'>): SharedDesktopControlFactory =>
  (options) =>
    new SharedDesktopControlLease({ ...common, ...options });

const everyMs = 400;
const ttlMs = 5_000;

export class SharedDesktopControlLease extends ServerComponent<Options> implements SharedDesktopControl {
  readonly #name = `control:${this.deps.id}`;
  #turn: Promise<unknown> = Promise.resolve();
  /** The viewer on this server that holds the stored lease, if any. */
  stored: string | undefined;
  #watchers = 0;
  #stop = new AbortController();

  look(): Promise<void> {
    return this.#enqueue(() => this.#look());
  }

  watch(): Disposable {
    if (this.#watchers++ === 0) {
      this.#stop = new AbortController();
      void runAtIntervals(() => this.look(), { everyMs, clock: this.deps.clock }, this.#stop.signal);
    }
    return {
      [Symbol.dispose]: () => {
        if (--this.#watchers === 0) this.#stop.abort();
      },
    };
  }

  taken(viewer: string, isTakenOver: boolean): void {
    const { leases, lease, clock } = this.deps;
    const mine = this.#holderOf(viewer);
    const acquire = () => leases.acquire(this.#name, mine, clock.now(), ttlMs);
    this.stored = undefined;
    this.#later(async () => {
      if (lease.driver !== viewer || lease.isElsewhere) return;
      let got = await acquire();
      if (!got && isTakenOver) {
        await leases.release(this.#name, (await leases.get(this.#name))?.holder ?? '');
        got = await acquire();
      }
      this.stored = viewer;
      if (!got) await this.#look();
    });
  }

  returned(viewer: string): void {
    this.#later(async () => {
      await this.deps.leases.release(this.#name, this.#holderOf(viewer));
      if (this.stored === viewer) this.stored = undefined;
    });
  }

  takeBack(viewer: string): Promise<boolean> {
    const { leases, lease } = this.deps;
    return this.#enqueue(async () => {
      await this.#look();
      if (!lease.isElsewhere || lease.driver !== viewer) return false;
      await leases.release(this.#name, (await leases.get(this.#name))?.holder ?? '');
      lease.elsewhere(undefined);
      return true;
    });
  }

  async #look(): Promise<void> {
    const { leases, lease, clock, server, onLapsed } = this.deps;
    const here = lease.isElsewhere ? undefined : lease.driver;
    if (here !== undefined && here !== this.stored) return; // a queued write is about to store this viewer
    const found = await leases.get(this.#name);
    const holder = found?.holder ?? '';
    const now = clock.now();
    if (holder === '') return lease.elsewhere(undefined);
    if (here !== undefined && holder === this.#holderOf(here)) {
      await leases.acquire(this.#name, holder, now, ttlMs);
    } else if (holder.endsWith(`@${server}`)) {
      await leases.release(this.#name, holder);
      lease.elsewhere(undefined);
    } else if ((found?.expiresAt ?? 0) > now) {
      lease.elsewhere(holder.slice(0, holder.lastIndexOf('@')));
    } else {
      // Acquires the lease so that only one server records the lapse.
      const mine = this.#holderOf('');
      if (await leases.acquire(this.#name, mine, now, ttlMs)) {
        await leases.release(this.#name, mine);
        onLapsed();
      }
      lease.elsewhere(undefined);
    }
  }

  #holderOf(viewer: string): string {
    return `${viewer}@${this.deps.server}`;
  }
  #enqueue<Value>(act: () => Promise<Value>): Promise<Value> {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(() => {});
    return mine;
  }
  #later(act: () => Promise<void>): void {
    this.#enqueue(act).catch(() => {}); // on failure, the lease lapses or the next poll corrects it
  }
}
