import type { IdSource } from '../model/ids.ts';
import type { Clock } from './clock.ts';
import type { EventLog, EventStore, RecordStore, Store } from './ports.ts';

export interface ServerDependencies {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly newId: () => string;
  readonly store: Store;
  readonly records: RecordStore;
  readonly events: EventStore;
  readonly log: EventLog;
  /** Fires when the server shuts down or fails to start. */
  readonly closing: AbortSignal;
  readonly warn: (about: object, text: string) => void;
  readonly shared: boolean;
}

export abstract class ServerComponent<Parts> {
  protected readonly deps: Parts;

  constructor(deps: Parts) {
    this.deps = deps;
  }
}
