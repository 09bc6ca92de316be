import { z } from 'zod';
import { combineSignals, createTimeoutSignal } from '../../../../core/concurrency/cancel.ts';
import { AppError } from '../../../../core/errors/errors.ts';
import type { FileChange, PathEntry, SandboxHandle } from '../../../../sessions/api/sandbox-interior.ts';
import { type DataPlaneCall, parseCallMessage, resolveSandboxPath } from './call.ts';
import { ConnectError, ConnectStream, parseConnectTimeout, rethrowAsConnectError, toConnectError } from './connect.ts';
import { runStreamingCall } from './process.ts';

const AtPath = z.object({ path: z.string().default('') });
const Listed = z.object({ path: z.string().default(''), depth: z.int().min(0).default(1) });
const Moved = z.object({ source: z.string().default(''), destination: z.string().default('') });
const Watched = z.object({
  path: z.string().default(''),
  recursive: z.boolean().default(false),
  includeEntry: z.boolean().default(false),
});
const Watcher = z.object({ watcherId: z.string().default('') });

const types = {
  file: 'FILE_TYPE_FILE',
  directory: 'FILE_TYPE_DIRECTORY',
  other: 'FILE_TYPE_UNSPECIFIED',
  broken: 'FILE_TYPE_UNSPECIFIED',
} as const;

export function toFilesystemEntry({
  name,
  path,
  type,
  size,
  mode,
  isLink,
  target,
  metadata,
  ...entry
}: PathEntry): object {
  const letters = [...'rwxrwxrwx'].map((letter, at) => ((mode >> (8 - at)) & 1 ? letter : '-')).join('');
  const first = isLink ? 'L' : type === 'directory' ? 'd' : '-';
  return {
    name,
    type: types[type],
    path,
    size: String(size),
    mode: mode & 0o777,
    permissions: `${first}${letters}`,
    owner: toUserName(entry.owner),
    group: toUserName(entry.group),
    modifiedTime: entry.modified,
    ...(target !== undefined && { symlinkTarget: target }),
    ...(metadata && { metadata }),
  };
}
/** Clients expect a user named `user`; our images call that user `agent`. */
const toUserName = (name: string) => (name === 'agent' ? 'user' : name);

const changeTypes = {
  create: 'EVENT_TYPE_CREATE',
  write: 'EVENT_TYPE_WRITE',
  remove: 'EVENT_TYPE_REMOVE',
  rename: 'EVENT_TYPE_RENAME',
  chmod: 'EVENT_TYPE_CHMOD',
} as const;
const toEvents = ({ type, name, entry }: FileChange): object[] =>
  type === 'lost' ? [] : [{ name, type: changeTypes[type], ...(entry && { entry: toFilesystemEntry(entry) }) }];

const at = async (call: DataPlaneCall, inside: SandboxHandle, path: string) =>
  resolveSandboxPath(path, await call.home(inside));
const watchAt = async (
  call: DataPlaneCall,
  inside: SandboxHandle,
  { path, recursive, includeEntry }: z.output<typeof Watched>,
) => await inside.watches.open({ path: await at(call, inside, path), recursive, entries: includeEntry }, call.signal);

export const fileMethods: Record<
  string,
  (call: DataPlaneCall, message: unknown, inside: SandboxHandle) => Promise<object>
> = {
  async Stat(call, message, inside) {
    const path = await at(call, inside, parseCallMessage(AtPath, message).path);
    return { entry: toFilesystemEntry(await inside.paths.stat(path, call.signal, { metadata: true })) };
  },
  async ListDir(call, message, inside) {
    const { path, depth } = parseCallMessage(Listed, message);
    const folder = await at(call, inside, path);
    const entries = await inside.paths
      .list(folder, { depth: Math.max(1, depth), metadata: true }, call.signal)
      .catch(rethrowAsConnectError('conflict', 'failed_precondition'));
    return { entries: entries.map(toFilesystemEntry) };
  },
  async MakeDir(call, message, inside) {
    const path = await at(call, inside, parseCallMessage(AtPath, message).path);
    const pathEntry = await inside.paths
      .makeFolder(path, call.signal)
      .catch(rethrowAsConnectError('conflict', 'already_exists'));
    return { entry: toFilesystemEntry(pathEntry) };
  },
  async Move(call, message, inside) {
    const { source, destination } = parseCallMessage(Moved, message);
    const [from, to] = [await at(call, inside, source), await at(call, inside, destination)];
    return { entry: toFilesystemEntry(await inside.paths.move(from, to, call.signal)) };
  },
  async Remove(call, message, inside) {
    await inside.paths.remove(await at(call, inside, parseCallMessage(AtPath, message).path), call.signal);
    return {};
  },
  async CreateWatcher(call, message, inside) {
    const { id } = await watchAt(call, inside, parseCallMessage(Watched, message));
    return { watcherId: id };
  },
  async GetWatcherEvents({ signal }, message, inside) {
    const { watcherId } = parseCallMessage(Watcher, message);
    const events: object[] = [];
    for (;;) {
      const { changes, more } = await inside.watches.changes(watcherId, signal);
      events.push(...changes.flatMap(toEvents));
      if (!more || events.length > 20_000) return { events };
    }
  },
  async RemoveWatcher({ signal }, message, inside) {
    await inside.watches.close(parseCallMessage(Watcher, message).watcherId, signal);
    return {};
  },
};

export async function watchDir(call: DataPlaneCall, message: unknown): Promise<void> {
  const requested = parseCallMessage(Watched, message);
  const timeoutMs = parseConnectTimeout(call.request);
  using stream = new ConnectStream(call.request, call.response, { keepalive: {} });
  await runStreamingCall(call, stream, async (inside, onStarted) => {
    const { id } = await watchAt(call, inside, requested);
    onStarted();
    using late = timeoutMs === undefined ? undefined : createTimeoutSignal(timeoutMs, call.clock);
    const until = combineSignals([stream.gone, call.cut, ...(late ? [late.signal] : [])]);
    try {
      await stream.send({ start: {} });
      const listener = async (change: FileChange) => {
        for (const event of toEvents(change)) await stream.send({ filesystem: event });
      };
      await inside.watches.follow(id, listener, until).catch((thrown: unknown) => {
        if (stream.gone.aborted || call.cut.aborted) return;
        if (until.aborted) throw new ConnectError('deadline_exceeded', 'The watch reached its timeout.');
        throw thrown instanceof ConnectError ? thrown : isEnded(thrown);
      });
    } finally {
      await inside.watches.close(id, AbortSignal.timeout(5_000)).catch(() => {});
    }
  });
}
const isEnded = (thrown: unknown) => (thrown instanceof AppError ? thrown : toConnectError(thrown));
