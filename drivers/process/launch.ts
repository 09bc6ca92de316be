import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { raceAbort } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import { Secret } from '../../src/core/text/secret.ts';
import type { SandboxSpec } from '../driver.ts';
import type { SandboxFolders, SandboxMeta } from '../shared/folders.ts';
import { screenFolder } from '../shared/link/dial-vnc-socket.ts';
import { createTokenEnvironment } from '../shared/link/token.ts';
import { createVolumeLimitEnvironment } from '../shared/volume-limits.ts';
import {
  type Bubblewrap,
  createAccountFiles,
  createBubblewrapArguments,
  sandboxEnvironment,
  screenEnvironment,
  sharedUserId,
} from './bubblewrap.ts';
import type { SandboxCgroup } from './cgroup/cgroups.ts';
import type { LimitName } from './cgroup/limits.ts';
import { createCgroupEntryCommand } from './cgroup/open.ts';
import { writeSeccompFilter } from './find-bubblewrap.ts';
import { acquireMachineLock, type ProcessIdentity, readProcessIdentity } from './proc.ts';
import { chownTree } from './users.ts';
import type { FolderVolumes } from './volumes.ts';

/** Other processes of the same user cannot read the memory of programs this loader starts. Undefined if unsupported. */
export async function createUnreadableLoader(
  folder: string,
  { program, asRoot }: { program: string; asRoot: boolean },
  signal: AbortSignal,
): Promise<string | undefined> {
  const loader = await findLoader(program);
  if (loader === undefined) return undefined;
  // The name identifies the loader's version, because a loader cannot load another version's library.
  const { size, mtimeMs } = await stat(loader);
  const path = join(folder, `sealed-${size}-${Math.floor(mtimeMs)}`);
  const isMade = async () => (await stat(path).catch(() => undefined)) !== undefined;
  if (await isMade()) return await tried(path);
  // Serializes concurrent first starts, even across servers.
  await using _ = await acquireMachineLock(path, signal);
  if (await isMade()) return await tried(path);
  const draft = `${path}.new`;
  await rm(draft, { force: true }); // a killed server may have left a partial copy
  await copyFile(loader, draft);
  // If the server is not root, the sandbox's user owns the file and must not read it.
  await chmod(draft, asRoot ? 0o711 : 0o111);
  await rename(draft, path);
  return await tried(path);
}

const good = new Set<string>();

/** Undefined if programs do not start through the copy, as under gVisor. */
async function tried(path: string): Promise<string | undefined> {
  if (!good.has(path) && !(await startsThrough(path))) return undefined;
  good.add(path);
  return path;
}

async function startsThrough(loader: string): Promise<boolean> {
  const child = spawn(loader, ['/bin/sh', '-c', ':'], { stdio: 'ignore', timeout: 5_000 });
  const [code] = await once(child, 'exit').catch(() => [1]);
  return code === 0;
}

/** The loader's path is near the beginning of a program file. */
async function findLoader(program: string): Promise<string | undefined> {
  await using file = await open(program);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(8_192), 0, 8_192, 0);
  return /\0(\/lib[\w./-]*\/ld-linux[\w.-]*)\0/.exec(buffer.toString('latin1', 0, bytesRead))?.[1];
}

/** Weaker than a CPU control group, because a new session resets the `autogroup` value. */
const atLowPriority: readonly string[] = [
  ...['/bin/sh', '-c', '{ echo 10 >/proc/self/autogroup; } 2>/dev/null; exec nice -n 10 "$@"', 'sh'],
];

export interface SandboxPrograms {
  readonly node: string;
  readonly init: string;
  readonly sudo: string;
  readonly browserPolicy?: string;
  daemon(): Promise<string>;
}
export interface LaunchOptions {
  readonly spec: SandboxSpec;
  readonly meta: SandboxMeta;
  readonly folders: SandboxFolders;
  readonly programs: SandboxPrograms;
  readonly volumes: Pick<FolderVolumes, 'bind'>;
  readonly confinement: SandboxConfinement | undefined;
}
export interface SandboxConfinement {
  readonly bubblewrap: Bubblewrap;
  readonly user: number;
  readonly group: SandboxCgroup;
  readonly grouped: readonly LimitName[];
}
export interface LaunchedProcess {
  /** Pid 1 of the sandbox's namespace, or the leader of its process group. */
  readonly mark: ProcessIdentity;
  /** Resolves at exit with the start of stderr, or with the reason for a failed start. */
  readonly exited: Promise<string>;
}

export const workspacePathOf = (folders: SandboxFolders, { id }: { id: SandboxMeta['id'] }) =>
  join(folders.home(id), 'workspace');

export async function launchDaemon(what: LaunchOptions, signal: AbortSignal): Promise<LaunchedProcess> {
  const { folders, meta, confinement } = what;
  const workspace = workspacePathOf(folders, meta);
  await mkdir(workspace, { recursive: true });
  await chmod(workspace, 0o755); // undoes the umask: root without capabilities must be able to enter
  if (confinement?.bubblewrap.asRoot) await chownTree(confinement.user, workspace, signal);
  return confinement ? confined(what, confinement, signal) : unconfined(what, workspace);
}

async function confined(what: LaunchOptions, confinement: SandboxConfinement, signal: AbortSignal) {
  const { bubblewrap, user, group, grouped } = confinement;
  const { spec, meta, folders, programs } = what;
  const owner = bubblewrap.asRoot ? user : undefined;
  const volumes = await what.volumes.bind(spec.volumes ?? [], { user: owner }, signal);
  const workspace = workspacePathOf(folders, meta);
  const accounts = folders.home(spec.id);
  for (const [name, text] of Object.entries(createAccountFiles(bubblewrap.asRoot ? user : sharedUserId))) {
    await writeFile(join(accounts, name), text);
    await chmod(join(accounts, name), 0o644); // `writeFile` applies the umask, but the sandbox's user must be able to read it
  }
  // A copy, so that it is executable however Corral was installed.
  await copyFile(programs.sudo, join(accounts, 'sudo'));
  await chmod(join(accounts, 'sudo'), 0o755);
  const [node, init, daemon] = [programs.node, programs.init, await programs.daemon()].map((path) => resolve(path)) as [
    string,
    string,
    string,
  ];
  const { browserPolicy } = programs;
  const inside = {
    mount: folders.mount(spec.id),
    workspace,
    accounts,
    node,
    init,
    daemon,
    volumes,
    limits: spec.limits,
    user,
    grouped,
    groups: group.shown,
    infoFd: 3,
    seccompFd: 4,
    ...(browserPolicy !== undefined && { browserPolicy: resolve(browserPolicy) }),
  };
  const screen = spec.env.CORRAL_DESKTOP === 'on' ? await createScreenFolder(what, confinement) : undefined;
  const seal = await createUnreadableLoader(folders.root, { program: node, asRoot: bubblewrap.asRoot }, signal);
  const [program = '', ...args] = [
    ...createCgroupEntryCommand(group.enter),
    ...(grouped.includes('cpus') ? [] : atLowPriority),
    bubblewrap.path,
    ...createBubblewrapArguments(bubblewrap, { ...inside, seal, screen, id: spec.id }),
  ];
  const memory = {
    CORRAL_MEMORY_BYTES: String(spec.limits.memoryBytes),
    CORRAL_DISK_BYTES: String(spec.limits.diskBytes),
    ...createVolumeLimitEnvironment(spec.volumes),
  };
  const shown = screen === undefined ? {} : screenEnvironment;
  const env = {
    ...spec.env,
    ...sandboxEnvironment,
    ...memory,
    ...shown,
    ...identity(meta, sandboxEnvironment.CORRAL_RUN_DIR),
  };
  const child = spawn(program, args, {
    env,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', bubblewrap.seccomp === undefined ? 'ignore' : 'pipe'],
  });
  const exited = watchExit(child);
  writeSeccompFilter(child.stdio[4] as Writable | null, bubblewrap.seccomp);
  const pid = await raceAbort(sandboxPid(child, exited), signal).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  child.unref();
  (child.stderr as Readable & { unref?(): void }).unref?.();
  return marked(pid, exited);
}

/** The sandbox's user can write to the folder, so its content is untrusted. */
async function createScreenFolder(
  { folders, spec }: LaunchOptions,
  { bubblewrap, user }: SandboxConfinement,
): Promise<string> {
  const folder = join(folders.home(spec.id), screenFolder);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o755 });
  await chmod(folder, 0o755); // `mkdir` applies the umask
  if (bubblewrap.asRoot) await chown(folder, user, user);
  return folder;
}

async function sandboxPid(child: ChildProcess, exited: Promise<string>): Promise<number> {
  // With too many open files, the child has no pid and no pipes.
  if (child.pid === undefined) throw notStarted(await exited);
  const pipe = child.stdio[3] as Readable;
  const info = await Promise.race([text(pipe), exited.then(() => '')]);
  const pid = /"child-pid": (\d+)/.exec(info)?.[1];
  if (pid !== undefined) return Number(pid);
  throw new AppError('sandbox_unavailable', `Bubblewrap could not create the sandbox: ${await exited}`);
}

async function unconfined(
  { spec, meta, folders, programs }: LaunchOptions,
  workspace: string,
): Promise<LaunchedProcess> {
  const home = join(folders.home(spec.id), 'home');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const daemon = resolve(await programs.daemon());
  // Without isolation, nothing forwards to the egress gate, so proxy variables would point nowhere.
  const passed = Object.entries(spec.env).filter(([name]) => !/^(https?|all|no)_proxy$/i.test(name));
  const env = {
    ...Object.fromEntries(passed),
    ...identity(meta, folders.mount(spec.id)),
    PATH: `${dirname(programs.node)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: home,
    CORRAL_WORKSPACE: workspace,
    CORRAL_RUN_DIR: folders.mount(spec.id),
    CORRAL_STATE_DIR: join(folders.home(spec.id), 'state'),
    CORRAL_EGRESS_PORT: '0', // several sandboxes cannot share one port
    CORRAL_DESKTOP: 'off', // web pages in the desktop's browser could reach this machine's own services
  };
  const limited = [
    '-c',
    'umask 022; ulimit -c 0; ulimit -n 4096; exec "$@"',
    'sh',
    '/bin/bash',
    resolve(programs.init),
  ];
  const args = [...limited, programs.node, daemon];
  const [program = '', ...after] = [...atLowPriority, '/bin/sh', ...args];
  const child = spawn(program, after, { env, cwd: workspace, detached: true, stdio: 'ignore' });
  const exited = watchExit(child);
  child.unref();
  if (child.pid === undefined) throw notStarted(await exited);
  return marked(child.pid, exited);
}

async function marked(pid: number, exited: Promise<string>): Promise<LaunchedProcess> {
  const mark = await readProcessIdentity(pid);
  if (mark) return { mark, exited };
  throw new AppError('sandbox_unavailable', 'The sandbox ended immediately.');
}

const notStarted = (why: string) =>
  new AppError('sandbox_unavailable', `The sandbox's process could not be started: ${why}.`);

const identity = ({ id, token }: SandboxMeta, runDir: string) => ({
  CORRAL_SANDBOX_ID: id, // also identifies processes of the sandbox that have left its group
  ...createTokenEnvironment(new Secret(token), runDir),
});

function watchExit(child: ChildProcess): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let words = '';
  child.stderr?.on('data', (chunk) => {
    if (words.length < 4_096) words += chunk;
  });
  child.once('exit', () => resolve(words.trim())).once('error', (error) => resolve(error.message));
  return promise;
}
