import { z } from 'zod';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { SessionId } from '../../core/model/ids.ts';
import type { Watchers } from '../engine/watchers.ts';

interface Deps {
  readonly records: RecordStore;
  readonly watchers: Watchers;
  readonly clock: Clock;
  /** This server's name. */
  readonly name: string;
  readonly ttlMs: number;
}
const kind = 'viewed'; // `<session>:viewed:<server>`
const Until = z.object({ until: z.number() });

/** Stores which sessions have viewers at which server, so that the server that deletes can check the others. */
export class ViewedSessions {
  readonly #deps: Deps;
  #reported: ReadonlySet<SessionId> = new Set();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async tell(): Promise<void> {
    const { records, watchers, clock, ttlMs } = this.#deps;
    const now = new Set(watchers.inUse());
    for (const id of now) await records.put({ kind, id: this.#key(id), doc: { until: clock.now() + ttlMs } });
    for (const id of this.#reported) if (!now.has(id)) await records.delete(kind, this.#key(id));
    this.#reported = now;
  }

  async isElsewhere(id: SessionId): Promise<boolean> {
    const { records, clock } = this.#deps;
    const found = await records.list(kind, { idPrefix: `${id}:` });
    return found.some((it) => it.id !== this.#key(id) && Until.parse(it.doc).until > clock.now());
  }

  #key = (id: SessionId): string => `${SessionId.parse(id)}:viewed:${this.#deps.name}`;
}
