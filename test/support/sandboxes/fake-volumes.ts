import type { Driver, SandboxSpec, VolumeHost } from '../../../drivers/driver.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { VolumeId } from '../../../src/core/model/ids.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import type { SandboxClient } from '../../../src/sandboxes/client/client.ts';
import type { WorkspaceArchiver } from '../../../src/sessions/forks/workspace-archive.ts';
import { SessionVolumes } from '../../../src/sessions/volumes/session-volumes.ts';
import { VolumeRecords } from '../../../src/sessions/volumes/volume-records.ts';
import { TransferSandboxPool } from '../../../src/sessions/volumes/volume-transfers.ts';
import { type VolumePolicy, Volumes } from '../../../src/sessions/volumes/volumes.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { holdingsOf } from '../budgets/holdings.ts';
import { manualClock } from '../machines/manual-clock.ts';

const mebibyte = 2 ** 20;

/** Volumes whose storage is a list of ids. `files` are those of the one volume in the sandboxes of transfers. */
export function volumeBench(policy: Partial<VolumePolicy> = {}) {
  const { records: store } = createInMemoryStore();
  const clock = manualClock(1_000_000);
  const ids = createIdSource();
  const stored = new Set<VolumeId>();
  const files = new Map<string, Buffer>();
  const started: SandboxSpec[] = [];
  const ended: string[] = [];
  const running: { readonly id: string; readonly template: string }[] = [];
  /** The next call of the storage fails once. */
  const faults = { make: false, remove: false };
  const fail = (fault: keyof typeof faults) => {
    if (!faults[fault]) return;
    faults[fault] = false;
    throw new AppError('driver_unavailable', 'The storage does not answer.');
  };
  const driver = {
    name: 'fake',
    capabilities: {},
    async makeVolume(id: VolumeId) {
      stored.add(id);
      fail('make');
    },
    volumes: async () => [...stored],
    async removeVolume(id: VolumeId) {
      fail('remove');
      stored.delete(id);
    },
    list: async () => running,
    async provision(spec: SandboxSpec) {
      started.push(spec);
      return spec;
    },
    attach: async () => ({ lost: new AbortController().signal, [Symbol.asyncDispose]: async () => {} }),
    async destroy(id: string) {
      ended.push(id);
    },
  } as unknown as Driver & VolumeHost;
  const size = () => [...files.values()].reduce((sum, { length }) => sum + length, 0);
  const client = {
    workdir: '/workspace',
    transfers: {
      async write(path: string, content: AsyncIterable<Uint8Array>) {
        const pieces: Uint8Array[] = [];
        for await (const piece of content) pieces.push(piece);
        files.set(path, Buffer.concat(pieces));
        return { size: Buffer.concat(pieces).length, version: '1-1.000000000' };
      },
      async open(path: string) {
        const found = files.get(path);
        if (!found) throw new AppError('file_not_found', `There is no file ${path}.`);
        const { Readable } = await import('node:stream');
        return { size: found.length, content: Readable.from([Buffer.from(`${found.length} 1-1.000000000\n`), found]) };
      },
    },
    async removeFile(path: string) {
      files.delete(path);
    },
    listFiles: async () => [],
    programs: {
      open: async () => ({}),
      attach: async (_id: string, { onOutput }: { onOutput: (bytes: Buffer) => void }) => {
        onOutput(Buffer.from(`${size()}\n`));
        return { ended: Promise.resolve({ exitCode: 0 }), write: async () => {}, endInput: () => {}, detach: () => {} };
      },
      close: async () => {},
    },
  } as unknown as SandboxClient;
  const records = new VolumeRecords({ records: store, clock });
  const transfers = new TransferSandboxPool({
    records,
    driver,
    refusal: undefined,
    spec: (session, volume, how) => ({ sessionId: session, volume, how }) as never,
    connect: () => client,
    startTimeoutMs: 1_000,
    ownership: { isShared: false, take: async () => 0, release: async () => {} },
    clock,
    ids,
    warn: () => {},
  });
  const sizes = { bytes: mebibyte, maxBytes: 10 * mebibyte, ownerBytes: 20 * mebibyte, ownerCount: 3, ...policy };
  const archive = {} as WorkspaceArchiver;
  const volumes = new Volumes({
    policy: sizes,
    holdings: holdingsOf(store, {}).holdings,
    driver,
    records,
    transfers,
    archive,
    clock,
    ids,
  });
  const sessions = new SessionVolumes({ records, transfers, clock, refusal: undefined });
  return { store, clock, ids, stored, files, started, ended, running, faults, records, transfers, volumes, sessions };
}
