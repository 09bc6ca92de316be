import { ServerPart } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { ArchiveClient, WorkspaceArchive } from './workspace-archive.ts';

interface Deps {
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly archive: WorkspaceArchive;
  readonly newId: () => string;
}
const landing = '.corral/chosen';
const timeoutMs = 120_000;

// The old files are removed only after all new files have arrived in a separate folder.
const prepare = `set -e
rm -rf -- ${landing}
mkdir -p -- ${landing}`;
const replace = `set -e
[ -d ${landing} ]
find . -mindepth 1 -maxdepth 1 ! -name .corral -exec chmod -R u+rwX -- {} + 2>/dev/null || true
find . -mindepth 1 -maxdepth 1 ! -name .corral -exec rm -rf -- {} +
find ${landing} -mindepth 1 -maxdepth 1 ! -name .corral -exec mv -t . -- {} +
rm -rf -- ${landing}`;

/** Copies whole workspaces from one session's sandbox to another's. An interrupted copy can be repeated. */
export class WorkspaceCopier extends ServerPart<Deps> {
  /** Overwrites existing files. */
  async copy(from: SessionId, to: SessionId, signal: AbortSignal): Promise<void> {
    await using source = await this.deps.sandboxes.use(from, signal);
    await using target = await this.deps.sandboxes.use(to, signal);
    await this.#move(source.client, target.client, signal);
  }

  /** Replaces all files of the session `to` with those of `from`. Corral's own folder is not changed. */
  async replace(from: SessionId, to: SessionId, signal: AbortSignal): Promise<void> {
    await using source = await this.deps.sandboxes.use(from, signal);
    await using target = await this.deps.sandboxes.use(to, signal);
    const { workdir, programs, workspace } = target.client;
    await run(target.client, prepare, signal);
    await this.#move(source.client, { workdir: `${workdir}/${landing}`, programs, workspace }, signal);
    await failpoint('attempts.landed');
    await run(target.client, replace, signal);
  }

  async #move(source: ArchiveClient, target: ArchiveClient, signal: AbortSignal): Promise<void> {
    const { archive, newId } = this.deps;
    const content = archive.pack(source, { name: `pack-${newId()}` }, signal);
    await archive.unpack(target, { name: `unpack-${newId()}`, content }, signal);
  }
}

async function run(client: SandboxClient, command: string, signal: AbortSignal): Promise<void> {
  const { exitCode, stderr } = await client.exec({ command, cwd: '.', timeoutMs }, signal);
  if (exitCode !== 0) throw new AppError('conflict', `The files could not be replaced: ${truncateEnd(stderr, 500)}`);
}
