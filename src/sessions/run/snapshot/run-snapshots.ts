import { createTimeoutSignal } from '../../../core/concurrency/cancel.ts';
import { ServerPart, type ServerParts } from '../../../core/contracts/server-parts.ts';
import { toAppError } from '../../../core/errors/errors.ts';
import type { RunId, SessionId } from '../../../core/model/ids.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import { snapshotScript } from './snapshot-scripts.ts';

type Client = Pick<SandboxClient, 'exec' | 'workspace'>;
type Deps = Pick<ServerParts, 'clock' | 'warn'>;
interface StartedSnapshot {
  readonly runId: RunId;
  readonly done: Promise<void>;
}
/** Limits how long a run waits for its snapshot. A workspace that takes longer has none. */
const patienceMs = 5_000;

/**
 * Keeps a copy of the workspace's files from before each run, inside the sandbox, so that people can see what a run
 * changed.
 */
export class RunSnapshots extends ServerPart<Deps> {
  readonly #taken = new WeakMap<Client, StartedSnapshot>();

  /** Resolves when the run's snapshot exists or could not be taken. Call before the run's first use of its sandbox. */
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
    const command = `run=${runId} at=${at}\n${snapshotScript}`;
    try {
      if (await client.workspace.keep({ run: runId, at }, until.signal)) return;
      const { exitCode, stderr } = await client.exec({ command, tag: runId }, until.signal);
      if (exitCode !== 0) warn({ sessionId, stderr: stderr.slice(0, 500) }, 'no snapshot of the workspace was taken');
    } catch (err) {
      if (toAppError(err).code === 'unsupported') return; // sandboxes in memory have no programs for a comparison
      warn({ sessionId, err }, 'no snapshot of the workspace was taken');
    }
  }
}
