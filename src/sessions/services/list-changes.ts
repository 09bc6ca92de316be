import { runRounds } from '../../core/concurrency/rounds.ts';
import { RecordWatcher } from '../../core/contracts/changed-records.ts';
import { type ServerDependencies, ServerPart } from '../../core/contracts/server-parts.ts';
import { StoredSession } from '../run/log/projection.ts';

interface Options extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly changed: (record: StoredSession) => void;
  readonly deleted: (record: StoredSession) => void;
}
const everyMs = 1_000;
const share = 20; // pauses 20 times the duration of a read, so that reads use at most 5% of the time

export class SessionListPoller extends ServerPart<Options> {
  #watchers = 0;
  #stop = new AbortController();

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
    const { records, clock } = this.deps;
    const news = new RecordWatcher(records, 'session');
    const known = new Map<string, StoredSession>();
    let isFirst = true;
    const round = async () => {
      const since = clock.now();
      this.#look(await news.next(), { known, isFirst });
      isFirst = false;
      return Math.max(everyMs, share * (clock.now() - since));
    };
    await runRounds(round, { clock, failedMs: everyMs }, signal);
  }

  #look(
    { changed, gone }: Awaited<ReturnType<RecordWatcher['next']>>,
    { known, isFirst }: { readonly known: Map<string, StoredSession>; readonly isFirst: boolean },
  ): void {
    const removed = new Set(gone);
    for (const { id, doc } of changed) {
      const record = StoredSession.parse(doc);
      if (record.deleting) removed.add(id);
      else if (known.set(id, record) && !isFirst) this.deps.changed(record);
    }
    for (const id of removed) {
      const record = known.get(id);
      if (record && known.delete(id)) this.deps.deleted(record);
    }
  }
}
