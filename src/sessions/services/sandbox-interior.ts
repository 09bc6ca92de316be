import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { CodeContexts, SandboxHandle, SandboxHandleService } from '../api/sandbox-interior.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';

export interface PortExposurePolicy {
  /** True if sandboxes are not isolated and share the server's loopback interface. */
  readonly isOwnMachine: boolean;
  /** Ports of the egress forwarder and of the daemon. */
  readonly closedPorts: ReadonlySet<number>;
}
interface Deps extends PortExposurePolicy {
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly codeOf: (client: SandboxClient) => CodeContexts;
  /** Rejects with session_not_found. */
  readonly known: (id: SessionId) => Promise<unknown>;
}

export const createSandboxHandleService = ({ sandboxes, codeOf, known, ...rules }: Deps): SandboxHandleService => ({
  async admits(id) {
    await known(id);
  },
  async enter(id, signal) {
    await known(id);
    const used = await sandboxes.use(id, signal);
    const { jobs, paths, watches, ports, workdir } = used.client;
    return {
      jobs,
      paths,
      watches,
      ports: openable(ports, rules),
      workdir,
      code: codeOf(used.client),
      [Symbol.asyncDispose]: () => used[Symbol.asyncDispose](),
    };
  },
});

function openable(ports: SandboxHandle['ports'], rules: PortExposurePolicy): SandboxHandle['ports'] {
  return {
    async list(signal) {
      if (rules.isOwnMachine) return [];
      return (await ports.list(signal)).filter(({ port }) => !rules.closedPorts.has(port));
    },
    async connect(port, signal) {
      assertPortExposable(port, rules);
      return await ports.connect(port, signal);
    },
  };
}

/** Throws: forbidden. The closed ports include the port of the forwarder, which adds credentials to requests. */
export function assertPortExposable(port: number, { isOwnMachine, closedPorts }: PortExposurePolicy): void {
  if (isOwnMachine) {
    const instead = 'Install bubblewrap or start Docker.';
    throw new AppError('forbidden', `No port can be opened, because nothing isolates this sandbox. ${instead}`);
  }
  if (closedPorts.has(port))
    throw new AppError('forbidden', `Port ${port} is reserved by Corral and cannot be opened.`);
}
