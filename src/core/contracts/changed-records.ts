import type { RecordStore, StoredRecord } from './ports.ts';

/** Changes to access rights take effect on all servers within two seconds. */
export const recordWatchIntervalMs = 1_000;

/** The first `next` returns all records. If the store has `changes`, only deletions by `erase` are reported. */
export class RecordWatcher {
  readonly #records: Pick<RecordStore, 'list' | 'changes'>;
  readonly #kind: string;
  readonly #versions = new Map<string, number>();
  #mark: number | undefined;

  constructor(records: Pick<RecordStore, 'list' | 'changes'>, kind: string) {
    this.#records = records;
    this.#kind = kind;
  }

  async next(): Promise<{ readonly changed: readonly StoredRecord[]; readonly gone: readonly string[] }> {
    const { records, gone, mark } = (await this.#records.changes?.(this.#kind, this.#mark)) ?? (await this.#all());
    this.#mark = mark;
    const changed = records.filter(({ id, version }) => this.#versions.get(id) !== version);
    for (const { id, version } of changed) this.#versions.set(id, version);
    return { changed, gone: gone.filter((id) => this.#versions.delete(id)) };
  }

  async #all() {
    const records = await this.#records.list(this.#kind);
    const here = new Set(records.map(({ id }) => id));
    return { records, gone: [...this.#versions.keys()].filter((id) => !here.has(id)), mark: undefined };
  }
}
