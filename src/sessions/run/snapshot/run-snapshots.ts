import { createTimeoutSignal } from '../../../core/concurrency/cancel.ts';
import { type ServerDependencies, ServerPart } from '../../../core/contracts/server-parts.ts';
import { toAppError } from '../../../core/errors/errors.ts';
import type { RunId, SessionId } from '../../../core/model/ids.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import { baselineScript } from './snapshot-scripts.ts';

type Client = Pick<SandboxClient, 'exec' | 'workspace'>;
type Deps = Pick<ServerDependencies, 'clock' | 'warn'>;
interface StartedSnapshot {
  readonly runId: RunId;
  readonly done: Promise<void>;
}
/** A run's first use of its sandbox waits at most this long for the snapshot, then continues without one. */
const patienceMs = 5_000;

export class RunBaselines extends ServerPart<Deps> {
  readonly #taken = new WeakMap<Client, StartedSnapshot>();

  /** Resolves when the snapshot exists or has failed. Call before the run first uses its sandbox. */
  ofRun(sessionId: SessionId, runId: RunId, client: Client): Promise<void> {
    const known = this.#taken.get(client);
    if (known?.runId === runId) return known.done;
    const done = this.#take(sessionId, runId, client);
    this.#taken.set(client, { runId, done });
    return done;
  }

  async #take(sessionId: SessionId, runId: RunId, client: Client): Promise<void> {
    const { clock, warn } = this.deps;
    using until = createTimeoutSignal(patienceMs, clock);
    const at = clock.now();
    const command = `run=${runId} at=${at}\n${baselineScript}`;
    try {
      if (await client.workspace.keep({ run: runId, at }, until.signal)) return;
      const { exitCode, stderr } = await client.exec({ command, tag: runId }, until.signal);
      if (exitCode !== 0) warn({ sessionId, stderr: stderr.slice(0, 500) }, 'no snapshot of the workspace was taken');
    } catch (err) {
      if (toAppError(err).code === 'unsupported') return; // in-memory sandboxes have no programs for a comparison
      warn({ sessionId, err }, 'no snapshot of the workspace was taken');
    }
  }
}
