import type { SessionId } from '../../../core/model/ids.ts';

/** A fact about a session's sandbox that comes from outside the session's actor. */
export type SandboxFact = {
  readonly type: 'egress' | 'sandbox.phase' | 'desktop' | 'sandbox.disk_exceeded' | 'sandbox.service' | 'repository';
  readonly data: unknown;
};
type Listener = (id: SessionId, fact: SandboxFact) => void;

/**
 * Carries facts about sandboxes to the engine, which appends them to the logs. The sources exist before the engine; facts
 * sent before it listens are dropped, which is safe because no sandbox is running yet.
 */
export class SandboxFactChannel {
  #listener: Listener | undefined;

  listen(listener: Listener): void {
    this.#listener = listener;
  }

  tell = (id: SessionId, fact: SandboxFact): void => this.#listener?.(id, fact);
}
