import { z } from 'zod';
import { runAtIntervals } from '../../core/concurrency/rounds.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { serverSettingKind as kind } from '../../core/model/records.ts';
import { changeRecord } from '../../storage/collection.ts';

const id = 'changed';
const followMs = 2_000;
const Stored = z.record(z.string(), z.unknown());
export type SettingOverrides = Readonly<Record<string, unknown>>;

interface Deps {
  readonly records: Pick<RecordStore, 'get' | 'put'>;
  readonly clock: Clock;
}

/** Settings changed on the page, by key, in the form used in the settings file. */
export class StoredSettings {
  readonly #records: Deps['records'];
  readonly #clock: Clock;
  #version = 0;
  #now: SettingOverrides = {};

  constructor({ records, clock }: Deps) {
    this.#records = records;
    this.#clock = clock;
  }

  /** The last values read. The object is replaced whenever its content changes. */
  get now(): SettingOverrides {
    return this.#now;
  }

  async read(): Promise<SettingOverrides> {
    const found = await this.#records.get(kind, id);
    this.#take(found?.version ?? 0, found?.doc ?? {});
    return this.#now;
  }

  async change(work: (now: SettingOverrides) => SettingOverrides): Promise<void> {
    const changed = await changeRecord(this.#records, { kind, id }, (found) => ({
      doc: work(Stored.parse(found?.doc ?? {})),
    }));
    if (changed) this.#take(changed.version, changed.doc);
  }

  /** Polls until the signal fires, so that changes on other servers also apply here. */
  async follow(signal: AbortSignal): Promise<void> {
    // if the store fails, the last values remain in effect
    await runAtIntervals(() => this.read(), { everyMs: followMs, clock: this.#clock }, signal);
  }

  /** Ignores older versions, because a read that started before a change must not undo that change. */
  #take(version: number, doc: unknown): void {
    if (version <= this.#version) return;
    this.#version = version;
    this.#now = Stored.parse(doc);
  }
}
