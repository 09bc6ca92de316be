import type { Driver, SandboxLink } from '../../../drivers/driver.ts';
import type { CommandQueue } from '../../core/contracts/ports.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { Cluster } from '../engine/cluster.ts';
import type { Ownership } from '../engine/ownership.ts';
import { CommandRouter } from './command-router.ts';
import { RemoteSandboxes } from './remote-sandboxes.ts';

interface Options extends Pick<ServerDependencies, 'clock' | 'ids'> {
  readonly ownership: Ownership;
  readonly commands: CommandQueue;
  readonly driver: Driver;
  readonly connect: (link: SandboxLink) => SandboxClient;
  /** The holder pauses or stops a sandbox that has been unused for this long. */
  readonly idleMs: number;
  readonly startTimeoutMs: number;
  readonly warn: (error: unknown, text: string) => void;
}
const maxFreshMs = 10_000;

export function createCluster({
  ownership,
  commands,
  driver,
  clock,
  ids,
  connect,
  idleMs,
  startTimeoutMs,
  warn,
}: Options): Cluster {
  return {
    ownership,
    connect(local) {
      const router = new CommandRouter({ ...local, commands, ownership, clock, ids, startTimeoutMs, warn });
      const freshMs = Math.min(maxFreshMs, idleMs / 3);
      return { commands: router, sandboxes: new RemoteSandboxes({ holder: router, driver, clock, connect, freshMs }) };
    },
  };
}
