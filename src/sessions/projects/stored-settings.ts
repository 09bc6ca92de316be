import { z } from 'zod';
import { atIntervals } from '../../core/concurrency/rounds.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { serverSettingKind as kind } from '../../core/model/records.ts';
import { changeRecord } from '../../storage/collection.ts';

const id = 'changed';
const followMs = 2_000;
const Stored = z.record(z.string(), z.unknown());
export type ChangedSettings = Readonly<Record<string, unknown>>;

interface Deps {
  readonly records: Pick<RecordStore, 'get' | 'put'>;
  readonly clock: Clock;
}

/** The settings that people changed in the page: by their keys, in the form that the file would have. */
export class StoredSettings {
  readonly #records: Deps['records'];
  readonly #clock: Clock;
  #version = 0;
  #now: ChangedSettings = {};

  constructor({ records, clock }: Deps) {
    this.#records = records;
    this.#clock = clock;
  }

  /** The values that were last read. The object changes with each change of its content. */
  get now(): ChangedSettings {
    return this.#now;
  }

  async read(): Promise<ChangedSettings> {
    const found = await this.#records.get(kind, id);
    this.#take(found?.version ?? 0, found?.doc ?? {});
    return this.#now;
  }

  async change(work: (now: ChangedSettings) => ChangedSettings): Promise<void> {
    const changed = await changeRecord(this.#records, { kind, id }, (found) => ({
      doc: work(Stored.parse(found?.doc ?? {})),
    }));
    if (changed) this.#take(changed.version, changed.doc);
  }

  /** Reads until the signal fires, so that changes on other servers of the store count here too. */
  async follow(signal: AbortSignal): Promise<void> {
    await atIntervals(() => this.read(), { everyMs: followMs, clock: this.#clock }, signal); // without the store the last values apply
  }

  /** An answer that was on its way during a later change does not undo it. */
  #take(version: number, doc: unknown): void {
    if (version <= this.#version) return;
    this.#version = version;
    this.#now = Stored.parse(doc);
  }
}
