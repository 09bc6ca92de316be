import type { SessionId } from '../../../core/model/ids.ts';

export type SandboxFact = {
  readonly type: 'egress' | 'sandbox.phase' | 'desktop' | 'sandbox.disk_exceeded' | 'sandbox.service' | 'repository';
  readonly data: unknown;
};
type Listener = (id: SessionId, fact: SandboxFact) => void;

/** Drops facts until the engine listens. No sandbox runs before then. */
export class SandboxFactChannel {
  #listener: Listener | undefined;

  listen(listener: Listener): void {
    this.#listener = listener;
  }

  tell = (id: SessionId, fact: SandboxFact): void => this.#listener?.(id, fact);
}
