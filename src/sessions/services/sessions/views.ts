import { createTimeoutSignal } from '../../../core/concurrency/cancel.ts';
import type { ServerDependencies } from '../../../core/contracts/server-parts.ts';
import { AppError, type ErrorCode, toAppError } from '../../../core/errors/errors.ts';
import { type SandboxId, type SessionId, sandboxIdOf } from '../../../core/model/ids.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import type { SessionService } from '../../api/sessions.ts';
import type { SandboxAccess } from '../../engine/sandbox/sandbox-access.ts';
import type { StoredSession } from '../../run/log/projection.ts';
import { readWholeFile } from '../streams/whole-file.ts';
import { readFileFromLog, readPlaceholderForOpenFile, readShellFromLog } from '../views-from-log.ts';

const viewMs = 5_000;
const keptMs = 20_000; // enough for most sandboxes to start

export interface ViewDeps extends Pick<ServerDependencies, 'clock' | 'log'> {
  readonly sandboxes: SandboxAccess;
  readonly workdir: (id: SandboxId) => string;
}
interface PanelDeps extends ViewDeps {
  readonly stored: (id: SessionId) => Promise<StoredSession>;
}

export function createSessionViews({
  log,
  sandboxes,
  clock,
  workdir,
  stored,
}: PanelDeps): Pick<SessionService, 'shell' | 'readFile'> {
  return {
    async shell(id, shellId, signal) {
      await stored(id);
      const fromLog = () => readShellFromLog(log, id, { shell: shellId, workdir: workdir(sandboxIdOf(id)) });
      return await viewing(
        id,
        signal,
        // The daemon does not know about a shell until the shell's first command.
        (client, until) => client.view(shellId, until).catch(unlessMissing('shell_not_found', fromLog)),
        fromLog,
      );
    },
    async readFile(id, path, signal) {
      await stored(id);
      if (path.includes('\0')) throw new AppError('invalid_request', 'A path cannot contain NUL.');
      const requested = { path, workdir: workdir(sandboxIdOf(id)) };
      const bytes = await viewing(
        id,
        signal,
        (client, until) =>
          readWholeFile(client, path, until).catch(
            unlessMissing('file_not_found', () => readPlaceholderForOpenFile(log, id, requested)),
          ),
        () => readFileFromLog(log, id, requested).catch((unknown: unknown) => keptFile(id, path, { signal, unknown })),
      );
      return bytes.toString('utf8');
    },
  };

  /** Starts the sandbox if needed, to read a file that the log lacks. */
  async function keptFile(
    id: SessionId,
    path: string,
    { signal, unknown }: { signal: AbortSignal; unknown: unknown },
  ): Promise<Buffer> {
    if (toAppError(unknown).code !== 'file_not_found') throw unknown;
    using until = createTimeoutSignal(keptMs, clock, signal);
    await using used = await sandboxes.use(id, until.signal).catch(() => {
      throw unknown; // the original error explains what to do
    });
    return await readWholeFile(used.client, path, until.signal);
  }

  /** Viewing a session usually does not start its sandbox. */
  async function viewing<T>(
    id: SessionId,
    signal: AbortSignal,
    fromSandbox: (client: SandboxClient, until: AbortSignal) => Promise<T>,
    fromLog: () => Promise<T>,
  ): Promise<T> {
    using until = createTimeoutSignal(viewMs, clock, signal);
    const client = await sandboxes.look(id, until.signal);
    if (!client) return await fromLog();
    return await fromSandbox(client, until.signal).catch((thrown: unknown) => {
      if (thrown instanceof AppError && thrown.code === 'sandbox_lost') return fromLog();
      throw thrown;
    });
  }
}

const unlessMissing =
  <T>(code: ErrorCode, elsewhere: () => Promise<T>) =>
  async (thrown: unknown): Promise<NonNullable<T>> => {
    const found = toAppError(thrown).code === code ? await elsewhere() : undefined;
    if (found === undefined || found === null) throw thrown;
    return found;
  };
