import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { Duplex } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';
import { toPipeFrames } from '../../../src/core/text/pipe-frames.ts';
import type { FileChange, FileChangeBatch, FileWatchOptions } from '../../../src/sandboxes/client/abilities.ts';
import { type Daemon, daemonLimits } from '../daemon.ts';
import { readPathEntry, resolveAbsolutePath } from '../paths/entries.ts';
import type { DaemonState } from '../shared-state.ts';
import { Inotify, type RawFileChange } from './inotify.ts';

export type WatchOperations = Pick<Daemon, 'openWatch' | 'watchChanges' | 'attachWatch' | 'closeWatch'>;
interface OpenWatch {
  readonly id: string;
  readonly root: string;
  readonly entries: boolean;
  readonly kept: RawFileChange[];
  bell: PromiseWithResolvers<void>;
  reader: Duplex | undefined;
  isOver: boolean;
  timer: unknown;
}

const idleMs = 600_000;

/** Keeps changes until they are read. Beyond the limit, `lost` replaces the oldest ones. */
export function createWatchOperations(
  parts: Pick<DaemonState, 'clock' | 'env' | 'keepers' | 'place' | 'touch'>,
): WatchOperations {
  const { clock } = parts;
  const all = new Map<string, OpenWatch>();
  const inotify = new Inotify(parts);

  const existing = (id: string): OpenWatch => {
    const opened = all.get(id);
    if (!opened) throw new AppError('not_found', `There is no watch ${id}.`);
    return opened;
  };
  const rest = (opened: OpenWatch) => {
    clock.clearTimeout(opened.timer);
    opened.timer = clock.setTimeout(() => void end(opened), idleMs);
  };
  async function end(opened: OpenWatch): Promise<void> {
    clock.clearTimeout(opened.timer);
    all.delete(opened.id);
    opened.isOver = true;
    opened.bell.resolve();
    await inotify.close(opened.id);
  }
  const keep = (opened: OpenWatch, change: RawFileChange) => {
    if (opened.kept.length >= daemonLimits.keptChanges) {
      opened.kept.shift();
      if (opened.kept[0]?.type !== 'lost') opened.kept[0] = { type: 'lost', name: '' };
    }
    opened.kept.push(change);
    opened.bell.resolve();
  };
  const toFileChange = async ({ root, entries }: OpenWatch, { type, name }: RawFileChange): Promise<FileChange> => {
    const isThere = type === 'create' || type === 'write' || type === 'chmod';
    const entry = entries && isThere ? await readPathEntry(resolve(root, name)).catch(() => undefined) : undefined;
    return { type, name, ...(entry && { entry }) };
  };

  async function pump(opened: OpenWatch, reader: Duplex): Promise<void> {
    while (!reader.destroyed) {
      const change = opened.kept.shift();
      if (change) {
        parts.touch();
        const frame = toPipeFrames('output', Buffer.from(JSON.stringify(await toFileChange(opened, change))));
        if (!reader.push(frame)) await once(reader, 'read').catch(() => {});
      } else if (opened.isOver) {
        reader.push(null);
        return;
      } else {
        opened.bell = Promise.withResolvers();
        await Promise.race([opened.bell.promise, once(reader, 'close')]);
      }
    }
  }

  return {
    async openWatch({ path, recursive = false, entries = false }: FileWatchOptions) {
      if (all.size >= daemonLimits.watches) {
        throw new AppError('conflict', `There are already ${daemonLimits.watches} watches, the maximum.`);
      }
      const id = `watch-${randomBytes(8).toString('hex')}`;
      const bell = Promise.withResolvers<void>();
      const root = resolveAbsolutePath(path, parts);
      const opened: OpenWatch = {
        id,
        root,
        entries,
        kept: [],
        bell,
        reader: undefined,
        isOver: false,
        timer: undefined,
      };
      all.set(id, opened);
      const listener = { onChange: (change: RawFileChange) => keep(opened, change), gone: () => void end(opened) };
      await inotify.open(id, { path: root, recursive }, listener).catch((thrown: unknown) => {
        all.delete(id);
        throw thrown;
      });
      rest(opened);
      return { id };
    },
    async watchChanges(id): Promise<FileChangeBatch> {
      const opened = existing(id);
      rest(opened);
      await inotify.sync(id);
      const changes: FileChange[] = [];
      for (const change of opened.kept.splice(0, daemonLimits.changesAtOnce))
        changes.push(await toFileChange(opened, change));
      return { changes, more: opened.kept.length > 0 };
    },
    async attachWatch(id) {
      const opened = existing(id);
      clock.clearTimeout(opened.timer);
      opened.reader?.destroy();
      const reader: Duplex = new Duplex({
        read: () => void reader.emit('read'),
        write: (_chunk, _encoding, done) => done(),
        destroy(error, done) {
          reader.emit('read');
          if (opened.reader === reader) {
            opened.reader = undefined;
            if (!opened.isOver) rest(opened);
          }
          done(error);
        },
      });
      reader.on('error', () => {});
      opened.reader = reader;
      void pump(opened, reader);
      return reader;
    },
    closeWatch: async (id) => await end(existing(id)),
  };
}
