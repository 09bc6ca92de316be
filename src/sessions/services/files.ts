import { posix } from 'node:path';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { isSafePath } from '../../core/text/file-names.ts';
import { compileGlobs } from '../../core/text/glob.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { FileService, GrepMatch } from '../api/files.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { StoredSession } from '../run/log/projection.ts';
import { baselineCopyPathOf, readRunChanges } from '../run/snapshot/run-snapshots.ts';
import { readWholeFile } from './streams/whole-file.ts';

interface Deps {
  readonly sandboxes: Pick<SandboxAccess, 'use' | 'look'>;
  /** After a server restart, checks whether the sandbox is still running. */
  readonly hydrate: (id: SessionId) => Promise<Pick<StoredSession, 'sandboxState' | 'sandboxHeld'>>;
  /** Rejects with session_not_found. */
  readonly known: (id: SessionId) => Promise<unknown>;
}

export function createFileService({ sandboxes, hydrate, known }: Deps): FileService {
  async function check(id: SessionId, path: string): Promise<void> {
    await known(id);
    if (path.includes('\0')) throw new AppError('invalid_request', 'A path cannot contain NUL.');
  }
  async function inside<T>(
    id: SessionId,
    path: string,
    signal: AbortSignal,
    act: (client: SandboxClient) => Promise<T>,
  ) {
    await check(id, path);
    await using used = await sandboxes.use(id, signal);
    return await act(used.client);
  }

  /** Does not start a sandbox that is stopped or being stopped. */
  async function insideIfRunning<T>(
    id: SessionId,
    path: string,
    signal: AbortSignal,
    act: (client: SandboxClient) => Promise<T>,
  ) {
    await check(id, path);
    const { sandboxState, sandboxHeld } = await hydrate(id);
    const client = await sandboxes.look(id, signal);
    if (client) return await act(client);
    const isPaused = sandboxState === 'running' && !sandboxHeld;
    if (!isPaused) throw new AppError('sandbox_not_found', 'The sandbox is not running.');
    return await inside(id, path, signal, act);
  }

  const list: FileService['list'] = async (id, path, signal, { starts = true } = {}) =>
    await (starts ? inside : insideIfRunning)(id, path, signal, (client) => client.listFiles(path, signal));

  async function open(id: SessionId, path: string, signal: AbortSignal) {
    await check(id, path);
    await using stack = new AsyncDisposableStack();
    const { client } = stack.use(await sandboxes.use(id, signal));
    const file = await client.openFile(path, signal);
    const used = stack.move();
    file.content.once('close', () => void used.disposeAsync());
    return file;
  }

  return {
    open,
    list,
    read: (id, path, signal) => inside(id, path, signal, (client) => readWholeFile(client, path, signal)),
    write: (id, path, content, signal) => inside(id, path, signal, (client) => client.writeFile(path, content, signal)),
    remove: (id, path, signal) => inside(id, path, signal, (client) => client.removeFile(path, signal)),
    changes: (id, signal, { starts = true } = {}) =>
      (starts ? inside : insideIfRunning)(id, '.', signal, (client) => readRunChanges(client, signal)),
    before: (id, path, signal) =>
      inside(id, path, signal, async (client) => {
        const file = pathInside(path, client.workdir);
        if (!isSafePath(file)) throw new AppError('path_outside', 'That path is outside of the workspace.');
        return await readWholeFile(client, baselineCopyPathOf(file), signal);
      }),
    find: (id, { path, pattern, types }, signal) =>
      inside(id, path, signal, async (client) => {
        const { matches, truncated } = await client.find(path, pattern, signal, { types });
        return { matches: matches.filter(compileGlobs(types)).sort(), truncated };
      }),
    grep: (id, { path, pattern, types }, signal) =>
      inside(id, path, signal, async (client) => {
        const { matches, truncated } = await client.grep(path, pattern, signal, { types });
        const hasType = compileGlobs(types);
        const kept = matches.filter(({ file }) => hasType(file));
        const shown = kept.map((match) => ({ ...match, content: match.content.trim() }));
        return { matches: shown.sort(byFile), truncated };
      }),
  };
}

const byFile = (a: GrepMatch, b: GrepMatch) => Number(a.file > b.file) - Number(a.file < b.file);

const pathInside = (path: string, workdir: string): string =>
  posix.normalize(path.startsWith(`${workdir}/`) ? path.slice(workdir.length + 1) : path);
