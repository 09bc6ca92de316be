import { pause } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { StoredSession } from '../run/log/projection.ts';

interface Options {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly changed: (record: StoredSession) => void;
  readonly deleted: (record: StoredSession) => void;
}
const everyMs = 1_000;
const share = 20; // pause 20 times as long as a scan takes, so that scans use at most 5 % of the time

/** Polls the store for other servers' changes of the session list while a client of this server watches it. */
export class ListChanges {
  readonly #options: Options;
  #watchers = 0;
  #stop = new AbortController();

  constructor(options: Options) {
    this.#options = options;
  }

  watch(): Disposable {
    this.#watchers += 1;
    if (this.#watchers === 1) {
      this.#stop = new AbortController();
      void this.#run(this.#stop.signal);
    }
    return {
      [Symbol.dispose]: () => {
        this.#watchers -= 1;
        if (this.#watchers === 0) this.#stop.abort();
      },
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let known: ReadonlyMap<SessionId, SeenRecord> | undefined;
    while (!signal.aborted) {
      const since = clock.now();
      known = await this.#look(known).catch(() => known); // the store is unavailable: try again
      await pause(Math.max(everyMs, share * (clock.now() - since)), signal, clock).catch(() => {});
    }
  }

  async #look(before: ReadonlyMap<SessionId, SeenRecord> | undefined): Promise<ReadonlyMap<SessionId, SeenRecord>> {
    const { records, changed, deleted } = this.#options;
    const now = new Map<SessionId, SeenRecord>();
    for (const { id, version, doc } of await records.list('session')) {
      const known = before?.get(id as SessionId);
      const seen = known?.version === version ? known : { version, record: StoredSession.parse(doc) };
      if (seen.record.deleting) continue;
      now.set(seen.record.id, seen);
      if (before && seen !== known) changed(seen.record);
    }
    for (const [id, { record }] of before ?? []) if (!now.has(id)) deleted(record);
    return now;
  }
}
interface SeenRecord {
  readonly version: number;
  readonly record: StoredSession;
}
