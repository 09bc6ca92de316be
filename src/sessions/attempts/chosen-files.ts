import { AppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { beginningOf } from '../../core/text/text.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { WorkspaceArchive } from '../forks/workspace-archive.ts';

interface Deps {
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly archive: WorkspaceArchive;
  readonly newId: () => string;
}
const landing = '.corral/chosen';
const timeoutMs = 120_000;

// A copy that is cut leaves the old files as they were: the new ones land in their own folder first.
const prepare = `set -e
rm -rf -- ${landing}
mkdir -p -- ${landing}`;
const replace = `set -e
[ -d ${landing} ]
find . -mindepth 1 -maxdepth 1 ! -name .corral -exec chmod -R u+rwX -- {} + 2>/dev/null || true
find . -mindepth 1 -maxdepth 1 ! -name .corral -exec rm -rf -- {} +
find ${landing} -mindepth 1 -maxdepth 1 ! -name .corral -exec mv -t . -- {} +
rm -rf -- ${landing}`;

/** Gives one workspace exactly the files of another one, but for what Corral itself keeps there. Can be repeated. */
export async function replaceFiles(
  { sandboxes, archive, newId }: Deps,
  { from, to }: { readonly from: SessionId; readonly to: SessionId },
  signal: AbortSignal,
): Promise<void> {
  await using source = await sandboxes.use(from, signal);
  await using target = await sandboxes.use(to, signal);
  const run = async (command: string) => {
    const { exitCode, stderr } = await target.client.exec({ command, cwd: '.', timeoutMs }, signal);
    if (exitCode !== 0) throw new AppError('conflict', `The files could not be replaced: ${beginningOf(stderr, 500)}`);
  };
  await run(prepare);
  const content = archive.pack(source.client, { name: `pack-${newId()}` }, signal);
  const { workdir, programs, workspace } = target.client;
  const into = { workdir: `${workdir}/${landing}`, programs, workspace };
  await archive.unpack(into, { name: `unpack-${newId()}`, content }, signal);
  await failpoint('attempts.landed');
  await run(replace);
}
