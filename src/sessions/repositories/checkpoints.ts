import { type ServerDependencies, ServerPart } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { SessionFact } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { decodeFileNames } from '../../core/text/files/byte-names.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { Checkpoint, type CheckpointDiff, type CheckpointRange } from '../api/repositories.ts';
import type { LiveSessions } from '../engine/live-sessions.ts';
import { type WorkspaceHook, WorkspaceQueue } from '../engine/workspace-hooks.ts';
import type { LiveSession } from '../run/live-session.ts';
import { parseGitChanges } from './changes-in.ts';
import { checkpointDiffScript, checkpointRestoreScript, checkpointScript, maxDiffBytes } from './checkpoint-scripts.ts';
import { gitExitCodes, runGit, summarizeGitOutput } from './git.ts';

export type CheckpointPolicy = 'repositories' | 'all' | 'none';

interface Deps extends Pick<ServerDependencies, 'clock' | 'closing' | 'records' | 'warn'> {
  readonly policy: CheckpointPolicy;
  /** Newest checkpoints kept per session. */
  readonly keep: number;
  readonly sessions: Pick<LiveSessions, 'get'>;
}
type Client = Pick<SandboxClient, 'exec' | 'workdir'>;

// One record per checkpoint, prefixed with the session's id, so that removing the session removes them too.
const kind = 'checkpoint';
/** Records of earlier versions have no `seq`. */
const Stored = Checkpoint.extend({ seq: Checkpoint.shape.seq.default(null) });
const idOf = (id: SessionId, number: number) => `${id}:${`${number}`.padStart(8, '0')}`;
const atRestore = { runId: null, seq: null } as const;
const takeMs = 120_000;
const workMs = 120_000;

/** Saves a session's files after each run. The next use of the sandbox waits for the last run's checkpoint. */
export class Checkpoints extends ServerPart<Deps> implements WorkspaceHook {
  readonly #queue = new WorkspaceQueue();
  /** Sessions whose first checkpoint exists or could not be created. */
  readonly #begun = new WeakSet<LiveSession>();

  onFact(live: LiveSession, fact: SessionFact, seq: number): void {
    if (fact.type !== 'run.end' || fact.data.reason === 'deleted') return;
    const { id, client, isPaused } = live;
    if (!client || isPaused || !this.#isFor(live)) return;
    this.#follow(id, () => this.#take(live, client, { runId: fact.runId, seq }));
  }

  async beforeUse(live: LiveSession, client: Client, signal: AbortSignal): Promise<void> {
    if (!this.#isFor(live)) return;
    // The files before the first run also get a checkpoint.
    if (live.runWriter && !this.#begun.has(live)) this.#follow(live.id, () => this.#begin(live, client));
    await this.#queue.settled(live.id, signal);
  }

  async list(id: SessionId): Promise<readonly Checkpoint[]> {
    const found = await this.deps.records.list(kind, { idPrefix: `${id}:` });
    return found.map(({ doc }) => Stored.parse(doc)).sort((a, b) => a.number - b.number);
  }

  async diff(
    id: SessionId,
    { from, to }: CheckpointRange,
    client: Client,
    signal: AbortSignal,
  ): Promise<CheckpointDiff> {
    const values = { session: id, workdir: client.workdir, from: `${from}`, to: to === undefined ? '' : `${to}` };
    const script = { script: checkpointDiffScript, values, timeoutMs: workMs };
    const { exitCode, stdout, stderr } = await this.#queue.inTurn(id, () => runGit(client, script, signal));
    if (exitCode !== 0) throw failure(exitCode, stderr);
    const [names = '', text = ''] = stdout.split('\u0001');
    return {
      files: parseGitChanges(decodeFileNames(names)).sort((a, b) => Number(a.path > b.path) - Number(a.path < b.path)),
      text: truncateEnd(text, maxDiffBytes),
      truncated: Buffer.byteLength(text) > maxDiffBytes,
    };
  }

  /** Resolves with the number of the checkpoint that has the files from before the restore. */
  async restore(id: SessionId, number: number, client: Client, signal: AbortSignal): Promise<number> {
    const live = this.deps.sessions.get(id);
    if (!live) throw new AppError('sandbox_lost', 'The session moved to another server. Try again.');
    if (live.runWriter) throw new AppError('conflict', 'A run is in progress. Stop it, or wait until it ends.');
    return await this.#queue.inTurn(id, async () => {
      await this.#take(live, client, atRestore);
      const before = (await this.list(id)).at(-1)?.number ?? 0;
      const values = { session: id, workdir: client.workdir, number: `${number}` };
      const script = { script: checkpointRestoreScript, values, timeoutMs: workMs };
      const { exitCode, stderr } = await runGit(client, script, signal);
      if (exitCode !== 0) throw failure(exitCode, stderr);
      await this.#take(live, client, atRestore);
      return before;
    });
  }

  #isFor({ writer }: LiveSession): boolean {
    const { policy } = this.deps;
    return policy === 'all' || (policy === 'repositories' && (writer.record.repositories?.length ?? 0) > 0);
  }

  #follow(id: SessionId, work: () => Promise<void>): void {
    void this.#queue.begin(id, work, (err) => {
      const { code } = toAppError(err);
      if (code !== 'unsupported' && code !== 'sandbox_lost' && code !== 'cancelled')
        this.deps.warn({ session: id, err }, 'no checkpoint of the files was made');
    });
  }

  async #begin(live: LiveSession, client: Client): Promise<void> {
    if (this.#begun.has(live)) return;
    this.#begun.add(live);
    if ((await this.list(live.id)).length === 0)
      await this.#make(live, client, { number: 0, runId: null, seq: null, oldest: undefined });
  }

  async #take(live: LiveSession, client: Client, place: Pick<Checkpoint, 'runId' | 'seq'>): Promise<void> {
    const all = await this.list(live.id);
    const last = all.at(-1);
    const oldest = all.length >= this.deps.keep ? all[0]?.number : undefined;
    await this.#make(live, client, { number: last ? last.number + 1 : 0, ...place, oldest });
  }

  async #make(
    { id, writer }: LiveSession,
    client: Client,
    { number, runId, seq, oldest }: Pick<Checkpoint, 'number' | 'runId' | 'seq'> & { oldest: number | undefined },
  ): Promise<void> {
    const { records, clock, closing } = this.deps;
    const values = {
      session: id,
      workdir: client.workdir,
      number: `${number}`,
      oldest: oldest === undefined ? '' : `${oldest}`,
    };
    const script = { script: checkpointScript, values, timeoutMs: takeMs };
    const { exitCode, stdout, stderr } = await runGit(client, script, closing);
    if (exitCode === gitExitCodes.nothing) return;
    if (exitCode !== 0) throw failure(exitCode, stderr);
    const count = /^(\d{1,9})\s*$/.exec(stdout)?.[1];
    const at = clock.now();
    const doc: Checkpoint = { number, runId, seq, at, files: Number(count ?? 0) };
    await records.put({ kind, id: idOf(id, number), doc, sort: at });
    if (oldest !== undefined) await records.delete(kind, idOf(id, oldest));
    if (number > 0 && !writer.record.hasCheckpoints) await writer.amend({ hasCheckpoints: true });
  }
}

const failure = (exitCode: number, stderr: string) =>
  exitCode === gitExitCodes.moved
    ? new AppError('not_found', 'There is no such checkpoint in this workspace.')
    : new AppError('conflict', `Git failed: ${summarizeGitOutput(stderr) || `it ended with ${exitCode}`}`);
