import type { IdSource } from '../model/ids.ts';
import type { Clock } from './clock.ts';
import type { EventLog, EventStore, RecordStore, Store } from './ports.ts';

/** The parts that most services of a server are built with. A service picks those it uses. */
export interface ServerParts {
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Returns a short id. */
  readonly newId: () => string;
  readonly store: Store;
  readonly records: RecordStore;
  readonly events: EventStore;
  readonly log: EventLog;
  /** Fires when the server drains or its start fails. */
  readonly closing: AbortSignal;
  readonly warn: (about: object, text: string) => void;
  /** Whether other servers use the store too. */
  readonly shared: boolean;
}

/** Base class that keeps the parts from which it is built. */
export abstract class ServerPart<Parts> {
  protected readonly deps: Parts;

  constructor(deps: Parts) {
    this.deps = deps;
  }
}
