import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { sandboxLossCodes, toAppError } from '../../core/errors/errors.ts';
import type { SessionRepository } from '../../core/model/repository.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { StoredSession } from '../run/log/projection.ts';
import {
  type FoundEnvironment,
  readRepositoryEnvironment,
  runRepositoryStartScript,
  runSetupScript,
} from './environments.ts';
import { type PreparedFileStore, type PreparedFilesKey, preparedFilesIdOf } from './prepared-files.ts';

interface Deps {
  readonly parseYaml: (text: string) => unknown;
  readonly files: PreparedFileStore;
  readonly warn: (about: object, text: string) => void;
}
type Client = Pick<SandboxClient, 'exec' | 'programs' | 'workdir'>;
export interface RepositorySetupRequest {
  readonly record: StoredSession;
  readonly repository: SessionRepository;
  /** True if only the repositories' setup scripts have run in the sandbox. */
  readonly mayKeep: boolean;
  readonly found: FoundEnvironment | undefined;
}
export interface RepositorySetupResult {
  readonly setup: 'ran' | 'restored' | 'failed';
  readonly detail: string;
  readonly storedBytes?: number;
  readonly storedAs?: string;
}

export class RepositoryPreparer extends ServerComponent<Deps> {
  async read(client: Client, path: string, signal: AbortSignal): Promise<FoundEnvironment | undefined> {
    return await readRepositoryEnvironment(client, path, this.deps, signal);
  }

  /** Rejects only if the sandbox is lost or the server stops. */
  async prepare(
    client: Client,
    requested: RepositorySetupRequest,
    signal: AbortSignal,
  ): Promise<RepositorySetupResult> {
    const { path } = requested.repository;
    try {
      const found = requested.found ?? (await this.read(client, path, signal));
      const key = found && computeKey(client, requested, found);
      const restored = key && (await this.#restore(client, path, key, signal));
      if (restored) {
        const detail = `${path} has the prepared files from an earlier session.`;
        return { setup: 'restored', detail, storedBytes: restored.bytes, storedAs: preparedFilesIdOf(key) };
      }
      await this.deps.files.clear(client, signal);
      const { exitCode, output: text } = await runSetupScript(client, requested.repository, signal);
      if (exitCode !== 0) {
        const ended = exitCode === 124 ? 'took longer than 30 minutes' : `ended with ${exitCode}`;
        return { setup: 'failed', detail: `.corral/setup.sh of ${path} ${ended}. ${lastOf(text)}`.trim() };
      }
      if (!key || !this.deps.files.isOn || !requested.mayKeep)
        return { setup: 'ran', detail: `.corral/setup.sh of ${path} ran.` };
      return await this.#keep(client, path, key, signal);
    } catch (thrown) {
      const { code, publicMessage } = toAppError(thrown);
      if (sandboxLossCodes.has(code)) throw thrown;
      return { setup: 'failed', detail: `${path} could not be prepared: ${publicMessage}` };
    }
  }

  async #keep(
    client: Client,
    path: string,
    key: PreparedFilesKey,
    signal: AbortSignal,
  ): Promise<RepositorySetupResult> {
    const setup = 'ran';
    try {
      const bytes = await this.deps.files.keep(client, path, key, signal);
      const size = `${Math.ceil(bytes / 1_000_000)} MB`;
      return {
        setup,
        detail: `.corral/setup.sh of ${path} ran; its files (${size}) are kept for later sessions.`,
        storedBytes: bytes,
        storedAs: preparedFilesIdOf(key),
      };
    } catch (thrown) {
      const { code, publicMessage } = toAppError(thrown);
      if (sandboxLossCodes.has(code)) throw thrown;
      if (code === 'payload_too_large') {
        const detail = `.corral/setup.sh of ${path} ran. Its files are larger than repositories.prepared-bytes, so they are not kept for later sessions.`;
        return { setup, detail };
      }
      return { setup, detail: `.corral/setup.sh of ${path} ran. Its files are not kept: ${publicMessage}` };
    }
  }

  async start(client: Client, repository: SessionRepository, signal: AbortSignal): Promise<void> {
    await runRepositoryStartScript(client, repository, signal);
  }

  async #restore(client: Client, path: string, key: PreparedFilesKey, signal: AbortSignal) {
    try {
      return await this.deps.files.restore(client, path, key, signal);
    } catch (err) {
      if (sandboxLossCodes.has(toAppError(err).code)) throw err;
      this.deps.warn({ path, err }, 'prepared files could not be used, so setup.sh runs');
      return undefined;
    }
  }
}

/** Includes the branch: a third party's branch must not prepare files for the main branch. */
function computeKey(
  client: Client,
  { record, repository }: RepositorySetupRequest,
  { print }: FoundEnvironment,
): PreparedFilesKey | undefined {
  if (print === undefined) return undefined;
  const { url, path, ref, baseBranch } = repository;
  const all = record.repositories ?? [];
  const before = all
    .slice(
      0,
      all.findIndex((one) => one.path === path),
    )
    .map((one) => [one.url, one.ref, one.path]);
  const { owner, projectId, template, sandbox } = record;
  // The reachable hosts affect the files; size and idle timeout do not.
  const hosts = sandbox?.egress;
  const facts = [2, print, url, ref ?? baseBranch, `${client.workdir}/${path}`, before, projectId, template, hosts];
  return { owner: owner ?? '', facts };
}

const lastOf = (text: string) => truncateEnd(text.split('\n').slice(-3).join(' '), 500);
