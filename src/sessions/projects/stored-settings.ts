import { z } from 'zod';
import { pause } from '../../core/concurrency/cancel.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { serverSettingKind as kind } from '../../core/model/records.ts';

const id = 'changed';
const maxTries = 10;
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

  /** Rejects: conflict, when other changes always come first. */
  async change(work: (now: ChangedSettings) => ChangedSettings): Promise<void> {
    for (let tries = 0; tries < maxTries; tries++) {
      const found = await this.#records.get(kind, id);
      const doc = work(Stored.parse(found?.doc ?? {}));
      try {
        this.#take(await this.#records.put({ kind, id, doc, expect: found?.version ?? 0 }), doc);
        return;
      } catch (thrown) {
        if (toAppError(thrown).code !== 'conflict') throw thrown;
      }
    }
    throw new AppError('conflict', 'Others change the settings at the same moment. Try again.');
  }

  /** Reads until the signal fires, so that changes on other servers of the store count here too. */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(followMs, signal, this.#clock).catch(() => {});
      if (!signal.aborted) await this.read().catch(() => {}); // without the store the last values count
    }
  }

  /** An answer that was on its way during a later change does not undo it. */
  #take(version: number, doc: unknown): void {
    if (version <= this.#version) return;
    this.#version = version;
    this.#now = Stored.parse(doc);
  }
}
