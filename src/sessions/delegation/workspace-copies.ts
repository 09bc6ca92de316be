import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import type { WorkspaceArchive } from '../forks/workspace-archive.ts';

interface Deps {
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly archive: WorkspaceArchive;
  readonly newId: () => string;
}

/** Copies whole workspaces from one running sandbox into another. */
export class WorkspaceCopies {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Files that are there already are written over, so a copy that was cut can be repeated. */
  async copy(from: SessionId, to: SessionId, signal: AbortSignal): Promise<void> {
    const { sandboxes, archive, newId } = this.#deps;
    await using source = await sandboxes.use(from, signal);
    await using target = await sandboxes.use(to, signal);
    const content = archive.pack(source.client, { name: `pack-${newId()}` }, signal);
    await archive.unpack(target.client, { name: `unpack-${newId()}`, content }, signal);
  }
}
