import { hostsVolumes } from '../../../../drivers/driver.ts';
import { combineSignals } from '../../../core/concurrency/cancel.ts';
import { createSandboxClient } from '../../../sandboxes/client/http-client.ts';
import type { ConcurrencyLimiter } from '../../../sessions/budgets/holdings.ts';
import { workspaceArchiver } from '../../../sessions/forks/workspace-archive.ts';
import { SessionVolumes } from '../../../sessions/volumes/session-volumes.ts';
import { VolumeRecords } from '../../../sessions/volumes/volume-records.ts';
import { TransferSandboxPool } from '../../../sessions/volumes/volume-transfers.ts';
import { Volumes } from '../../../sessions/volumes/volumes.ts';
import type { ServerWithAgents } from '../agents.ts';

const startMs = 5_000;

export async function openVolumeServices(server: ServerWithAgents, holdings: Pick<ConcurrencyLimiter, 'within'>) {
  const { config, clock, closing, driver, replica, warn } = server;
  const records = new VolumeRecords(server);
  const refusal = hostsVolumes(driver)
    ? undefined
    : (driver.capabilities.noVolumes ?? `the driver ${driver.name} has none`);
  const transfers = new TransferSandboxPool({
    ...server,
    records,
    refusal,
    spec: server.transferSpec,
    connect: (link) => createSandboxClient(link, clock),
    startTimeoutMs: config.sandbox.startTimeoutSeconds * 1_000,
    ownership: replica.ownership,
  });
  const volumes = new Volumes({
    ...server,
    policy: config.volumes,
    holdings,
    records,
    transfers,
    archive: workspaceArchiver,
  });
  const closed = combineSignals([closing, AbortSignal.timeout(startMs)]);
  if (!server.shared) {
    await volumes.freeTransfers(closed).catch((err: unknown) => warn({ err }, 'ended transfers were not cleared'));
  }
  return {
    volumes,
    ofSessions: new SessionVolumes({ records, transfers, clock, refusal }),
    transfers,
    [Symbol.asyncDispose]: () => transfers[Symbol.asyncDispose](),
  };
}
