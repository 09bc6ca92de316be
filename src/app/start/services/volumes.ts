import { type Driver, hostsVolumes } from '../../../../drivers/driver.ts';
import type { RecordStore } from '../../../core/contracts/ports.ts';
import { sandboxClient } from '../../../sandboxes/client/http-client.ts';
import type { Holdings } from '../../../sessions/budgets/holdings.ts';
import { workspaceArchive } from '../../../sessions/forks/workspace-archive.ts';
import { SessionVolumes } from '../../../sessions/volumes/session-volumes.ts';
import { VolumeRecords } from '../../../sessions/volumes/volume-records.ts';
import { VolumeTransfers } from '../../../sessions/volumes/volume-transfers.ts';
import { Volumes } from '../../../sessions/volumes/volumes.ts';
import type { Replica } from '../../parts/replica.ts';
import type { Sandboxes } from '../sandboxes.ts';
import type { Startup } from '../startup.ts';

interface VolumeDeps {
  readonly store: { readonly records: RecordStore; readonly shared: boolean };
  readonly driver: Driver;
  readonly spec: Sandboxes['transferSpec'];
  readonly replica: Pick<Replica, 'ownership'>;
  readonly holdings: Pick<Holdings, 'within'>;
}
export interface OpenVolumes extends AsyncDisposable {
  readonly volumes: Volumes;
  readonly ofSessions: SessionVolumes;
  readonly transfers: VolumeTransfers;
}

const startMs = 5_000;

/** Volumes, the sessions that mount them, and the sandboxes that move their content. */
export async function openVolumes(
  { config, clock, ids, logger, closing }: Startup,
  { store, driver, spec, replica, holdings }: VolumeDeps,
): Promise<OpenVolumes> {
  const records = new VolumeRecords({ records: store.records, clock });
  const refusal = hostsVolumes(driver)
    ? undefined
    : (driver.capabilities.noVolumes ?? `the driver ${driver.name} has none`);
  const transfers = new VolumeTransfers({
    records,
    driver,
    refusal,
    spec,
    connect: (link) => sandboxClient(link, clock),
    startTimeoutMs: config.sandbox.startTimeoutSeconds * 1_000,
    ownership: replica.ownership,
    clock,
    ids,
    warn: (about, text) => logger.warn(about, text),
  });
  const volumes = new Volumes({
    policy: config.volumes,
    holdings,
    driver,
    records,
    transfers,
    archive: workspaceArchive,
    clock,
    ids,
  });
  const closed = AbortSignal.any([closing, AbortSignal.timeout(startMs)]);
  if (!store.shared) {
    await volumes
      .freeTransfers(closed)
      .catch((err: unknown) => logger.warn({ err }, 'ended transfers were not cleared'));
  }
  return {
    volumes,
    ofSessions: new SessionVolumes({ records, transfers, clock, refusal }),
    transfers,
    [Symbol.asyncDispose]: () => transfers[Symbol.asyncDispose](),
  };
}
