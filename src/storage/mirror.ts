import type { z } from 'zod';
import { RecordWatcher } from '../core/contracts/changed-records.ts';
import type { RecordStore } from '../core/contracts/ports.ts';
import { changeRecord } from './collection.ts';

interface MirrorOptions<Doc> {
  readonly records: RecordStore;
  readonly kind: string;
  readonly schema: z.ZodType<Doc>;
  readonly onChange: (id: string) => void;
}

export class RecordMirror<Doc extends { readonly id: string; readonly createdAt: number }> {
  readonly #options: MirrorOptions<Doc>;
  readonly #news: RecordWatcher;
  readonly #all = new Map<string, { readonly doc: Doc; readonly version: number }>();
  #loading: Promise<void> | undefined;

  constructor(options: MirrorOptions<Doc>) {
    this.#options = options;
    this.#news = new RecordWatcher(options.records, options.kind);
  }

  get size(): number {
    return this.#all.size;
  }
  get = (id: string): Doc | undefined => this.#all.get(id)?.doc;
  all = (): Doc[] => [...this.#all.values()].map(({ doc }) => doc);

  /** Reads other servers' changes. Concurrent calls share one read. */
  load(): Promise<void> {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }
  async #read(): Promise<void> {
    const { changed, gone } = await this.#news.next();
    for (const { doc, version } of changed) this.#keep(this.#options.schema.parse(doc), version);
    for (const id of gone) this.#drop(id);
  }

  async read(id: string): Promise<void> {
    const found = await this.#options.records.get(this.#options.kind, id);
    if (found) this.#keep(this.#options.schema.parse(found.doc), found.version);
    else this.#drop(id);
  }

  /** Resolves with the mirror's document, even if `change` changed nothing. */
  async change(id: string, change: (now: Doc | undefined) => Doc | undefined): Promise<Doc | undefined> {
    const { records, kind, schema } = this.#options;
    const changed = await changeRecord<Doc>(records, { kind, id }, (found) => {
      const doc = change(found && schema.parse(found.doc));
      return doc && { doc, sort: doc.createdAt };
    });
    if (changed) this.#keep(changed.doc, changed.version);
    return this.get(id);
  }
  async delete(id: string): Promise<void> {
    await this.#options.records.delete(this.#options.kind, id);
    this.#drop(id);
  }
  #keep(doc: Doc, version: number): void {
    if ((this.#all.get(doc.id)?.version ?? 0) >= version) return;
    this.#all.set(doc.id, { doc, version });
    this.#options.onChange(doc.id);
  }
  #drop(id: string): void {
    if (this.#all.delete(id)) this.#options.onChange(id);
  }
}
