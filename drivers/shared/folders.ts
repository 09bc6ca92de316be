import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, link, lstat, mkdir, readdir, readFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { AppError } from '../../src/core/errors/errors.ts';
import { SandboxId, SessionId, sessionIdOf } from '../../src/core/model/ids.ts';
import type { Secret } from '../../src/core/text/secret.ts';
import { tryParseJson } from '../../src/core/text/text.ts';
import type { SandboxSpec } from '../driver.ts';
import { writeTokenFile } from './link/token.ts';

/** Node's `rm` blocks the main thread for seconds on a large `node_modules`. */
export async function removeTree(folder: string): Promise<void> {
  await promisify(execFile)('rm', ['-rf', '--', folder]);
}

/** Folders that sandboxes see as /run/corral. Another process may own their parent folder. */
export interface MountFolders {
  path(id: SandboxId): string;
  make(id: SandboxId): Promise<void>;
  remove(id: SandboxId): Promise<void>;
}

// The kernel limits a Unix socket's path to 107 bytes.
const maxRoot = 107 - '/sbx-0123456789abcdef/mount/control.0123456789ab'.length;

export const SandboxMeta = z.object({
  driver: z.string(),
  instance: z.string(),
  id: SandboxId,
  sessionId: SessionId,
  epoch: z.int(),
  template: z.string(),
  image: z.string(),
  expiresAt: z.number(),
  token: z.string(),
});
export type SandboxMeta = z.infer<typeof SandboxMeta>;

type FolderOwner = Pick<SandboxMeta, 'driver' | 'instance'>;

export const toSandboxInfoFields = ({
  id,
  sessionId,
  epoch,
  template,
  image,
  expiresAt,
}: SandboxSpec | SandboxMeta) => ({
  id,
  sessionId,
  epoch,
  template,
  image,
  expiresAt,
});

/** `mount` is visible inside the sandbox and contains the daemon's socket and token. */
export interface SandboxFolders {
  readonly root: string;
  home(id: SandboxId): string;
  mount(id: SandboxId): string;
  ids(): Promise<SandboxId[]>;
  /** Keeps the first caller's token, even across processes. */
  prepare(meta: SandboxMeta): Promise<SandboxMeta>;
  read(id: SandboxId): Promise<SandboxMeta | undefined>;
  /** Undefined if the folder is missing or another owner's. A folder without a record is reported to every owner. */
  labels(id: SandboxId, owner: FolderOwner): Promise<ReturnType<typeof toSandboxInfoFields> | undefined>;
  /** Recreates a missing mount. Undefined if there is no record or the sandbox is being removed. */
  mended(id: SandboxId): Promise<SandboxMeta | undefined>;
  /** Only the first call per container or process (`body`) writes the token, across all servers. */
  handOver(id: SandboxId, body: string, token: Secret): Promise<void>;
  remove(id: SandboxId): Promise<void>;
  /** Claims the sandbox. Until `unclaim`, only one call succeeds, across all processes. */
  claim(id: SandboxId): Promise<'done' | 'taken' | 'missing'>;
  isClaimed(id: SandboxId): Promise<boolean>;
  unclaim(id: SandboxId): Promise<void>;
}

let drafts = 0;

export async function openSandboxFolders(folder: string, elsewhere?: MountFolders): Promise<SandboxFolders> {
  const root = resolve(folder);
  await mkdir(root, { recursive: true, mode: 0o700 });
  await chmod(root, 0o700);
  const { path: mount, make: makeMount, remove: removeMount } = elsewhere ?? (await ownMounts(root));
  const home = (id: SandboxId) => join(root, id);
  const claimOf = (id: SandboxId) => join(home(id), 'claimed');
  const metaOf = (id: SandboxId) => join(home(id), 'meta.json');

  const recordOf = (id: SandboxId) => unlessMissing(readFile(metaOf(id), 'utf8'));
  const metaIn = (text: string | undefined) =>
    text === undefined ? undefined : SandboxMeta.safeParse(tryParseJson(text)).data;
  const read = async (id: SandboxId): Promise<SandboxMeta | undefined> => metaIn(await recordOf(id));

  async function remove(id: SandboxId): Promise<void> {
    await removeMount(id);
    await removeTree(home(id));
  }

  return {
    root,
    home,
    mount,
    read,
    remove,
    async mended(id) {
      if (!(await read(id))) return undefined;
      await makeMount(id);
      const meta = await read(id);
      if (!meta) await remove(id);
      return meta;
    },
    async labels(id, owner) {
      const text = await recordOf(id);
      if (text === undefined) {
        const isThere = (await unlessMissing(lstat(home(id)))) !== undefined;
        const unknown = { epoch: 0, template: '', image: '', expiresAt: 0 };
        return isThere ? { id, sessionId: sessionIdOf(id), ...unknown } : undefined;
      }
      const meta = metaIn(text);
      return meta?.driver === owner.driver && meta.instance === owner.instance ? toSandboxInfoFields(meta) : undefined;
    },
    async ids() {
      const names = (await unlessMissing(readdir(root))) ?? [];
      return names.flatMap((name) => SandboxId.safeParse(name).data ?? []);
    },
    async prepare(meta) {
      const { id } = meta;
      await mkdir(home(id), { recursive: true, mode: 0o700 });
      await makeMount(id);
      const known = await read(id);
      const requested = { ...meta, token: known?.token ?? meta.token };
      // Unique, because concurrent writers may have the same token.
      const draft = join(home(id), `.meta-${meta.token.slice(0, 8)}-${process.pid}-${++drafts}`);
      await writeFile(draft, JSON.stringify(requested), { mode: 0o600, flush: true });
      if (known) {
        await rename(draft, metaOf(id));
        return requested;
      }
      // Only one process can create the hard link, and the linked file is complete.
      const first = await link(draft, metaOf(id)).then(
        () => true,
        () => false,
      );
      await unlink(draft).catch(() => {});
      const stored = first ? requested : await read(id);
      if (!stored) throw new AppError('sandbox_unavailable', "The sandbox's folder could not be written.");
      return stored;
    },
    async handOver(id, body, token) {
      const marker = join(home(id), `given-${createHash('sha256').update(body).digest('hex').slice(0, 16)}`);
      const isFirst = await writeFile(marker, '', { flag: 'wx', mode: 0o600 }).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      if (isFirst) await writeTokenFile(mount(id), token);
    },
    async claim(id) {
      try {
        await writeFile(claimOf(id), '', { flag: 'wx', mode: 0o600 });
        return 'done';
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'taken' : 'missing';
      }
    },
    isClaimed: (id) =>
      lstat(claimOf(id)).then(
        () => true,
        () => false,
      ),
    unclaim: (id) => rm(claimOf(id), { force: true }),
  };
}

async function unlessMissing<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new AppError('sandbox_unavailable', "The sandbox's folder could not be read.", { cause });
  }
}

async function ownMounts(root: string): Promise<MountFolders> {
  const sockets = Buffer.byteLength(root) <= maxRoot ? root : await shortFolder(root);
  const path = (id: SandboxId) => join(sockets, id, 'mount');
  return {
    path,
    async make(id) {
      await mkdir(path(id), { recursive: true, mode: 0o755 });
      await chmod(path(id), 0o755); // undoes the umask: the sandbox's user must be able to enter
    },
    remove: (id) => removeTree(join(sockets, id)),
  };
}

/** Holds the sockets if the data folder's path is too long. */
async function shortFolder(root: string): Promise<string> {
  const short = join(tmpdir(), `corral-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`);
  await mkdir(short, { mode: 0o700 }).catch(() => {});
  const found = await lstat(short).catch(() => undefined);
  const ours = found?.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  if (!ours || Buffer.byteLength(short) > maxRoot) {
    const reason = `The path ${root} is too long for Unix sockets (over ${maxRoot} bytes), and ${short} cannot replace it`;
    throw new AppError('driver_unavailable', `${reason}: it must be a private folder of the server's user.`);
  }
  await symlink(short, join(root, 'sockets')).catch(() => {});
  return short;
}
