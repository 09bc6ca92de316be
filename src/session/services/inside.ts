import type { SessionId } from '../../core/ids.ts';
import type { SandboxClient } from '../../sandbox/client.ts';
import type { CodeContexts } from '../api/code.ts';
import type { InsideService } from '../api/inside.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';

interface Deps {
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly codeOf: (client: SandboxClient) => CodeContexts;
  /** Rejects with session_not_found. */
  readonly known: (id: SessionId) => Promise<unknown>;
}

/** The abilities of a sandbox that work at any place in it. */
export const insideService = ({ sandboxes, codeOf, known }: Deps): InsideService => ({
  async admits(id) {
    await known(id);
  },
  async enter(id, signal) {
    await known(id);
    const used = await sandboxes.use(id, signal);
    const { jobs, paths, watches, ports, workdir } = used.client;
    return {
      ...{ jobs, paths, watches, ports, workdir, code: codeOf(used.client) },
      [Symbol.asyncDispose]: () => used[Symbol.asyncDispose](),
    };
  },
});
