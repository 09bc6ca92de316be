import { execFile } from 'node:child_process';
import { access, constants, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { sleep } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { SandboxId } from '../../src/core/model/ids.ts';
import { Secret } from '../../src/core/text/secret.ts';
import type { LocalDriverOptions } from '../descriptor.ts';
import type {
  CallOptions,
  Capabilities,
  Driver,
  MissingProgram,
  SandboxInfo,
  SandboxSpec,
  VolumeHost,
} from '../driver.ts';
import {
  openSandboxFolders,
  removeTree,
  type SandboxFolders,
  type SandboxMeta,
  toSandboxInfoFields,
} from '../shared/folders.ts';
import { LifecycleCoordinator } from '../shared/lifecycle-calls.ts';
import { dialVncSocket } from '../shared/link/dial-vnc-socket.ts';
import { waitForReachableLink, waitForSandboxStart, waitUntilReachable } from '../shared/link/sandbox-endpoint.ts';
import { openSandboxEndpointRegistry } from '../shared/link/server-endpoints.ts';
import { writeTokenFile } from '../shared/link/token.ts';
import { createCpuWaitMeter } from '../shared/pool/cpu-wait-meter.ts';
import { buildSeccompProgram } from '../shared/seccomp/program.ts';
import type { UserIdRange } from '../shared/user-range.ts';
import type { Cgroups } from './cgroup/cgroups.ts';
import { openCgroups } from './cgroup/open.ts';
import { openProcessConfinement, type ProcessConfinement } from './confinement.ts';
import { findBubblewrap } from './find-bubblewrap.ts';
import { type LaunchedProcess, launchDaemon, type SandboxPrograms, workspacePathOf } from './launch.ts';
import {
  acquireMachineLock,
  findProcessesByVariable,
  isProcessAlive,
  killProcess,
  type ProcessIdentity,
} from './proc.ts';
import { createFolderVolumes } from './volumes.ts';
import { noIsolationWeakness } from './weaknesses.ts';

const Recorded = z.object({ pid: z.int().positive(), startTime: z.string(), boot: z.string() });
const pathOf = (folders: SandboxFolders, id: SandboxId) => join(folders.home(id), 'process.json');

async function readProcessRecord(folders: SandboxFolders, id: SandboxId): Promise<ProcessIdentity | undefined> {
  const text = await readFile(pathOf(folders, id), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return Recorded.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function writeProcessRecord(folders: SandboxFolders, id: SandboxId, mark: ProcessIdentity): Promise<void> {
  const draft = `${pathOf(folders, id)}.new`;
  await writeFile(draft, JSON.stringify(mark), { mode: 0o600 });
  await rename(draft, pathOf(folders, id));
}

const removeProcessRecord = (folders: SandboxFolders, id: SandboxId) => rm(pathOf(folders, id), { force: true });

async function endRecordedProcess(folders: SandboxFolders, id: SandboxId, signal: AbortSignal): Promise<void> {
  const recorded = await readProcessRecord(folders, id);
  while (recorded && (await isProcessAlive(recorded))) {
    await killProcess(recorded, 'group'); // without namespaces, the process leads its process group
    await killProcess(recorded, 'process'); // with namespaces, this ends every process in them
    await sleep(10, signal);
  }
}

/** Also ends processes outside the sandbox's group. Slow: scans every process on the machine. */
async function endSandboxProcesses(id: SandboxId, signal: AbortSignal): Promise<void> {
  for (;;) {
    const rest = await findProcessesByVariable('CORRAL_SANDBOX_ID', id);
    if (rest.length === 0) return;
    for (const mark of rest) await killProcess(mark, 'process');
    await sleep(10, signal);
  }
}

const folders = ['/usr/local/bin', '/usr/bin', '/bin'];
const programs: readonly MissingProgram[] = [
  {
    name: 'python3',
    text:
      'There is no python3 on this machine, so sandboxes cannot run code cells of Python and bash, or Python programs. ' +
      'Commands, files and terminals work without it. Install python3.',
  },
  {
    name: 'perl',
    text:
      'There is no perl on this machine, so sandboxes cannot store metadata of files or watch files. ' +
      'Commands, files and terminals work without it. Install perl.',
  },
];

export async function findMissingPrograms(searched = folders): Promise<readonly MissingProgram[]> {
  const isThere = async (name: string) => {
    const found = await Promise.allSettled(searched.map((folder) => access(join(folder, name), constants.X_OK)));
    return found.some(({ status }) => status === 'fulfilled');
  };
  const found = await Promise.all(programs.map(({ name }) => isThere(name)));
  return programs.filter((_, index) => !found[index]);
}

const lastsMs = 1_000;

/** Prioritizes a sandbox until one second after the last call to `hasten`. */
export function createCpuBooster({ share }: Pick<ProcessConfinement, 'share'>) {
  const timers = new Map<SandboxId, NodeJS.Timeout>();
  return {
    hasten(id: SandboxId): void {
      const timer = timers.get(id);
      if (timer) {
        timer.refresh();
        return;
      }
      const over = () => {
        timers.delete(id);
        share(id, 'usual');
      };
      timers.set(id, setTimeout(over, lastsMs).unref());
      share(id, 'first');
    },
    /** Resets a share that a killed server may have raised. */
    settle(id: SandboxId): void {
      if (!timers.has(id)) share(id, 'usual');
    },
  };
}

const noServices =
  'its sandboxes are programs on this machine, but a service needs a container; set CORRAL_DRIVER to docker ' +
  'or kubernetes';

const noVolumes =
  'without bubblewrap, a folder cannot be mounted for a single sandbox; install it, or set CORRAL_DRIVER to docker';
const noBuilds = 'its sandboxes are programs on this machine and have no image; set CORRAL_DRIVER to docker';

export interface ProcessDriverOptions extends LocalDriverOptions {
  /** Image names that stand for this machine's own programs. Others are rejected with image_missing. */
  readonly images: readonly string[];
  readonly programs: SandboxPrograms;
  /** Path or name of the program. Undefined: no isolation. */
  readonly bubblewrap: string | undefined;
  /** Used only if the server is root. Undefined: all sandboxes share one user id. */
  readonly users?: UserIdRange | undefined;
  /** Default: all usable control groups of this machine. */
  readonly cgroups?: Cgroups;
  readonly desktop?: boolean;
}

interface ProcessStart {
  readonly isNew: boolean;
  mark?: ProcessIdentity;
}

const cleanUpMs = 10_000;
const lookMs = 250;
const keyOf = (id: SandboxId, { pid, startTime, boot }: ProcessIdentity) => `${pid} ${startTime} ${boot} ${id}`;

export async function createProcessDriver(options: ProcessDriverOptions): Promise<Driver & VolumeHost> {
  const { instance, root, gate, ids, images, programs, replica, caBundle, onRefused } = options;
  const bubblewrap =
    options.bubblewrap === undefined
      ? undefined
      : await findBubblewrap(options.bubblewrap, buildSeccompProgram(process.arch));
  const folders = await openSandboxFolders(root);
  const volumes = createFolderVolumes(folders);
  const cgroups = bubblewrap && (options.cgroups ?? (await openCgroups(folders.root)));
  const kernelLimits = cgroups && openProcessConfinement({ bubblewrap, cgroups, users: options.users, folders });
  const priority = kernelLimits && createCpuBooster(kernelLimits);
  const children = new Map<string, LaunchedProcess>();
  const work = new LifecycleCoordinator((id, workspace, { signal }) => clear(id, workspace, signal));
  const refused = onRefused && ((from: SandboxMeta, reason: string) => onRefused(from.id, reason));
  const holds = openSandboxEndpointRegistry({
    folders,
    watch,
    end: { gate, ids, replica, caBundle, onRefused: refused },
  });
  // Ignored without isolation, because pages in the browser could reach this machine's services.
  const desktop = options.desktop ?? false;
  const lacking = await findMissingPrograms();
  const everywhere = { images, pause: 'files', noServices, noBuilds, lacking } as const;
  const capabilities: Capabilities = kernelLimits
    ? {
        ...everywhere,
        isolation: 'namespaces',
        egress: 'enforced',
        limits: kernelLimits.limits,
        desktop,
        weaknesses: kernelLimits.weaknesses,
      }
    : {
        ...everywhere,
        isolation: 'none',
        egress: 'open',
        limits: [],
        desktop: false,
        noVolumes,
        weaknesses: [noIsolationWeakness],
      };

  async function watch(body: string, signal: AbortSignal): Promise<AppError> {
    const [pid, startTime = '', boot = '', name] = body.split(' ');
    const id = SandboxId.parse(name);
    const mark: ProcessIdentity = { pid: Number(pid), startTime, boot };
    // Node reports only the exits of its own children.
    const words = await children.get(body)?.exited;
    children.delete(body);
    while (await isProcessAlive(mark)) await sleep(lookMs, signal);
    const ranOut = await kernelLimits?.ranOutOfMemory(id);
    tidy(id, AbortSignal.timeout(cleanUpMs)).catch(() => {}); // repeated at the server's next start
    if (ranOut) return new AppError('sandbox_lost', 'The sandbox was killed because it ran out of memory.');
    return new AppError('sandbox_lost', words ? `The sandbox ended: ${words}` : 'The sandbox ended.');
  }

  const locked = (id: SandboxId, signal: AbortSignal) => acquireMachineLock(`${folders.root} ${id}`, signal);
  const owner = { driver: 'process', instance };
  const isOurs = (meta: SandboxMeta) => meta.driver === owner.driver && meta.instance === instance;

  async function tidy(id: SandboxId, signal: AbortSignal): Promise<void> {
    await using _ = await locked(id, signal);
    const record = await readProcessRecord(folders, id);
    if (!record || !(await isProcessAlive(record))) await kernelLimits?.end(id, signal);
  }
  for (const id of (await kernelLimits?.grouped()) ?? []) {
    // survivors are killed at the sandbox's next start or removal
    await tidy(id, AbortSignal.timeout(cleanUpMs)).catch(() => {});
  }

  async function place(spec: SandboxSpec, created: ProcessStart, signal: AbortSignal): Promise<ProcessIdentity> {
    await using _ = await locked(spec.id, signal);
    const meta = await folders.prepare({ ...owner, ...toSandboxInfoFields(spec), token: ids.token() });
    const running = await readProcessRecord(folders, spec.id);
    if (running && (await isProcessAlive(running))) return running;
    // A leftover daemon could be mistaken for the new one.
    if (!created.isNew) await endAll(spec.id, signal);
    const [confinement] = await Promise.all([kernelLimits?.confine(spec, signal), holds.open(spec.id)]);
    await writeTokenFile(folders.mount(spec.id), new Secret(meta.token));
    const launched = await launchDaemon({ spec, meta, folders, programs, volumes, confinement }, signal);
    created.mark = launched.mark;
    children.set(keyOf(spec.id, launched.mark), launched);
    await writeProcessRecord(folders, spec.id, launched.mark);
    return launched.mark;
  }

  async function endAll(id: SandboxId, signal: AbortSignal): Promise<void> {
    await endRecordedProcess(folders, id, signal);
    const wereGrouped = await kernelLimits?.end(id, signal);
    if (!wereGrouped) await endSandboxProcesses(id, signal);
  }

  async function clear(id: SandboxId, workspace: 'keep' | 'remove', signal: AbortSignal): Promise<void> {
    await using _ = await locked(id, signal);
    const meta = await folders.read(id);
    if (meta && !isOurs(meta)) return;
    await endAll(id, signal);
    await holds.release(id, new AppError('sandbox_lost', 'The sandbox was removed.'));
    if (meta && workspace === 'keep') {
      await removeProcessRecord(folders, id);
      await removeTree(folders.mount(id));
      return;
    }
    await (kernelLimits ? kernelLimits.releaseUser(id, () => removeFolder(id)) : removeFolder(id));
  }

  const removeFolder = (id: SandboxId) =>
    folders.remove(id).catch(async () => {
      // The sandbox's processes may have revoked the permissions that removal needs.
      await promisify(execFile)('chmod', ['-R', 'u+rwX', workspacePathOf(folders, { id })]).catch(() => {});
      await folders.remove(id);
    });

  async function readInfo(id: SandboxId): Promise<SandboxInfo | undefined> {
    const labels = await folders.labels(id, owner);
    if (!labels) return undefined;
    const record = await readProcessRecord(folders, id);
    const running = record && (await isProcessAlive(record));
    const settled = running ? 'ready' : record ? 'exited' : 'stopped';
    return { ...labels, phase: work.isStarting(id) ? 'starting' : settled };
  }

  const soon = async <Value>({ signal }: CallOptions, work: () => Promise<Value>): Promise<Value> => {
    await sleep(0, signal);
    return await work();
  };

  return {
    name: 'process',
    capabilities,

    async check({ signal }) {
      await sleep(0, signal);
    },

    provision(spec, call, news = () => {}) {
      const { id } = spec;
      return work.start(id, call, async ({ signal }) => {
        if (!images.includes(spec.image)) {
          const why = `The process driver runs this machine's own programs instead of ${images.join(' and ')}`;
          throw new AppError('image_missing', `${why}; the image ${spec.image} needs another driver.`);
        }
        const before = await folders.read(id);
        if (before && !isOurs(before)) {
          throw new AppError('sandbox_unavailable', "The sandbox's folder belongs to another installation.");
        }
        if (before && before.epoch > spec.epoch) {
          throw new AppError('fenced', 'Another server has taken over this session and its sandbox.');
        }
        news({ phase: 'starting', detail: bubblewrap ? 'Starting in bubblewrap' : 'Starting without isolation' });
        const created: ProcessStart = { isNew: before === undefined };
        try {
          const mark = await place(spec, created, signal);
          await waitForSandboxStart(await holds.hold(id, keyOf(id, mark)), signal);
          return { ...toSandboxInfoFields(spec), phase: 'ready' };
        } catch (error) {
          const record = await readProcessRecord(folders, id);
          const others = record && !created.mark && (await isProcessAlive(record));
          const undo = () => clear(id, before ? 'keep' : 'remove', AbortSignal.timeout(cleanUpMs));
          if (!others) await undo().catch(() => {});
          throw error;
        }
      });
    },

    async attach(id, { signal }, role = 'holder') {
      await sleep(0, signal);
      const record = await readProcessRecord(folders, id);
      const meta = await folders.read(id);
      if (!record || !meta || !isOurs(meta) || !(await isProcessAlive(record))) {
        throw new AppError('sandbox_not_found', 'The sandbox is gone.');
      }
      const body = keyOf(id, record);
      const workdir = bubblewrap ? '/workspace' : workspacePathOf(folders, { id });
      const link = await holds.link(id, { body, workdir, role });
      priority?.settle(id);
      const hasten = priority && { hasten: () => priority.hasten(id) };
      const screen = desktop && bubblewrap ? { screen: () => dialVncSocket(folders.home(id)) } : {};
      return await waitForReachableLink(
        { ...link, ...hasten, ...screen, starvedMs: createCpuWaitMeter(record.pid) },
        waitUntilReachable(await holds.hold(id, body), signal),
      );
    },

    async list({ signal }) {
      await sleep(0, signal);
      const infos = await Promise.all((await folders.ids()).map(readInfo));
      return infos.filter((info) => info !== undefined);
    },

    destroy: (id, workspace, call) => work.end(id, workspace, call),

    makeVolume: (id, call) => soon(call, () => volumes.makeVolume(id, call)),
    volumes: (call) => soon(call, () => volumes.volumes(call)),
    removeVolume: (id, call) => soon(call, () => volumes.removeVolume(id, call)),

    async [Symbol.asyncDispose]() {
      await work[Symbol.asyncDispose]();
      await holds[Symbol.asyncDispose]();
    },
  };
}
