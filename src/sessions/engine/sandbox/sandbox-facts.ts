import type { SessionId } from '../../../core/model/ids.ts';

export type SandboxFact = {
  readonly type: 'egress' | 'sandbox.phase' | 'desktop' | 'sandbox.disk_exceeded' | 'sandbox.service' | 'repository';
  readonly data: unknown;
};
type Listener = (id: SessionId, fact: SandboxFact) => void;

/**
 * Passes facts to the engine, which appends them to the logs. Drops earlier facts, because no sandbox runs before the
 * engine listens.
 */
export class SandboxFactChannel {
  #listener: Listener | undefined;

  listen(listener: Listener): void {
    this.#listener = listener;
  }

  tell = (id: SessionId, fact: SandboxFact): void => this.#listener?.(id, fact);
}
