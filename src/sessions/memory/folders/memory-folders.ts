import { raceAbort } from '../../../core/concurrency/cancel.ts';
import { createKeyedQueue } from '../../../core/concurrency/keyed-queue.ts';
import { ServerComponent, type ServerDependencies } from '../../../core/contracts/server-parts.ts';
import { AppError, type ErrorCode, ignoreNotFound, toAppError } from '../../../core/errors/errors.ts';
import { failpoint } from '../../../core/errors/failpoint.ts';
import { canUseResource } from '../../../core/model/access/holder.ts';
import type { SessionFact } from '../../../core/model/events.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import { memoryFolder, memoryMountPath } from '../../../core/model/run-files.ts';
import type { MountedMemoryStore } from '../../../core/model/session-agent.ts';
import { MemoryConflictError, type MemoryEntry, type MemoryStoreService } from '../../api/server/memory-stores.ts';
import type { WorkspaceHook } from '../../engine/workspace-hooks.ts';
import type { LiveSession } from '../../run/live-session.ts';
import {
  applyMemoryFolderChange,
  type MemoryFolder,
  type MemoryFolderChangeResult,
  type MemoryFolderClient,
  readMemoryFile,
  scanMemoryFolder,
} from './folder-files.ts';
import { type MemoryFolderMerge, type MemoryFolderState, memoryFilePathOf, mergeMemoryFolder } from './folder-merge.ts';

type Stores = Pick<MemoryStoreService, 'addMemory' | 'changeMemory' | 'deleteMemory' | 'get' | 'memories' | 'memory'>;
interface Deps extends Pick<ServerDependencies, 'closing' | 'newId' | 'warn'> {
  readonly stores: Stores;
}
export type MemoryFolderSession = Pick<LiveSession, 'id'> & {
  readonly writer: Pick<LiveSession['writer'], 'record' | 'write'>;
};
interface Unkept {
  /** Reported when new, and not repeated while unchanged. */
  readonly lasting: readonly string[];
  /** Reported every time. */
  readonly once: readonly string[];
}
interface Reports {
  readonly known: Map<string, ReadonlySet<string>>;
  readonly fresh: string[];
}
/** Maximum number of lasting messages per folder. Further messages are not reported. */
const maxKnown = 1_000;
const maxTries = 2;
const maxReported = 20;
/** Folder for the agent's replaced files. No store's folder can have this name. */
const unkeptFolder = '.unkept';
/** Errors after which the next use of the folder continues the sync. */
const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['sandbox_lost', 'cancelled', 'sandbox_not_found', 'sandbox_unresponsive', 'shutting_down', 'fenced'] as const),
]);

/**
 * Syncs before and after each tool call, and at the end of a run. Each write to the store includes the hash of the text
 * it replaces, so that it does not overwrite a concurrent change.
 */
export class MemoryFolderSync extends ServerComponent<Deps> implements WorkspaceHook {
  readonly #inTurn = createKeyedQueue();
  readonly #reports = new WeakMap<object, Reports>();

  async sync(session: MemoryFolderSession, client: MemoryFolderClient, signal: AbortSignal): Promise<void> {
    const { memoryStores: mounted = [], environment } = session.writer.record.agent ?? {};
    if (mounted.length === 0 || environment !== undefined) return;
    // The signal ends only the wait, because interrupted work would be hard to resume.
    const work = this.#inTurn(session.id, async () => {
      for (const one of mounted) await this.#syncOne(session, one, client);
    });
    await raceAbort(work, signal);
  }

  /** Resolves with a description of changes that were not stored. */
  async keep(
    session: MemoryFolderSession,
    client: MemoryFolderClient,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    await this.sync(session, client, signal);
    const report = this.#reports.get(client);
    const texts = report?.fresh.splice(0) ?? [];
    const more = texts.length > maxReported ? [`${texts.length - maxReported} more files are not kept.`] : [];
    return texts.length === 0 ? undefined : [...texts.slice(0, maxReported), ...more].join('\n');
  }

  /** An interrupted run may leave changes that no call has synced. */
  onFact(live: LiveSession, fact: SessionFact): void {
    if (fact.type !== 'run.end' || fact.data.reason === 'deleted') return;
    // if this fails, the next use retries
    if (live.client && !live.isPaused) void this.sync(live, live.client, this.deps.closing).catch(() => {});
  }

  async #syncOne(session: MemoryFolderSession, mounted: MountedMemoryStore, client: MemoryFolderClient): Promise<void> {
    const { store, folder: name } = mounted;
    const folder = {
      client,
      store,
      path: `${memoryFolder}/${name}`,
      unkept: `${memoryFolder}/${unkeptFolder}/${name}`,
    };
    try {
      this.#report(client, name, await this.#merge(session, mounted, folder));
    } catch (thrown) {
      const error = toAppError(thrown);
      if (passing.has(error.code)) throw thrown;
      const why = error.code === 'not_found' ? 'the memory store was deleted' : withoutStop(error.publicMessage);
      const detail = `${memoryMountPath}/${name} is not kept: ${why}.`;
      if (!this.#report(client, name, { lasting: [detail], once: [] })) return;
      this.deps.warn({ session: session.id, store, err: thrown }, 'changes to a memory store could not be stored');
      await session.writer.write([{ type: 'sandbox.setup', runId: null, data: { kind: 'failed', detail } }]);
    }
  }

  #report(client: object, folder: string, { lasting, once }: Unkept): boolean {
    const reports: Reports = this.#reports.get(client) ?? { known: new Map(), fresh: [] };
    this.#reports.set(client, reports);
    const { known, fresh } = reports;
    const reported = known.get(folder);
    const texts = lasting.slice(0, maxKnown);
    known.set(folder, new Set(texts));
    const news = [...once, ...texts.filter((text) => !reported?.has(text))];
    fresh.push(...news);
    return news.length > 0;
  }

  async #merge(
    session: MemoryFolderSession,
    mounted: MountedMemoryStore,
    folder: MemoryFolder,
    tries = maxTries,
  ): Promise<Unkept> {
    const { stores, closing } = this.deps;
    const { store, access } = mounted;
    const found = await stores.get(store);
    if (!canUseResource(session.writer.record, found))
      throw new AppError('forbidden', 'the session can no longer use the memory store');
    const { archivedAt } = found;
    const refusal =
      access === 'read_only'
        ? 'the memory is read-only'
        : archivedAt === null
          ? undefined
          : 'the memory store is archived';
    const state = await scanMemoryFolder(folder, closing);
    const merge = mergeMemoryFolder(state, await stores.memories(store), refusal);
    await failpoint('memory.merge.after');
    const by = { kind: 'session', id: rootOf(session) } as const;
    const agreed = new Map(merge.agreed);
    const refused = [...merge.refused];
    let isStale = false;
    const attempt = async (path: string, work: () => Promise<MemoryEntry | undefined>) => {
      try {
        const now = await work();
        if (now) agreed.set(path, now.sha256);
        else agreed.delete(path);
      } catch (thrown) {
        const { code, publicMessage } = toAppError(thrown);
        if (passing.has(code)) throw thrown;
        isStale ||= code === 'not_found' || thrown instanceof MemoryConflictError;
        refused.push({ path, why: withoutStop(publicMessage) });
      }
    };
    // Deletes first, because a new file can have the path of a deleted folder.
    for (const memory of merge.forget)
      await attempt(memoryFilePathOf(memory), async () => {
        await stores.deleteMemory(store, memory.id, memory.sha256, by).catch(ignoreNotFound);
        return undefined;
      });
    for (const { path, memory } of merge.push)
      await attempt(path, async () => {
        const text = await readMemoryFile(folder, path, closing);
        return memory
          ? await stores.changeMemory(store, memory.id, { text, expect: memory.sha256 }, by)
          : await stores.addMemory(store, { path: `/${path}`, text }, by);
      });
    await failpoint('memory.push.after');
    const { unkept, failed } = await this.#change(folder, { access, state, merge, agreed });
    const shown = `${memoryMountPath}/${mounted.folder}`;
    const report = (path: string, why: string) => `${shown}/${path} is not kept: ${why}.`;
    const moved = (path: string) =>
      `${refusal ?? 'somebody else changed it in the meantime'}. Your text is now in ${memoryMountPath}/${unkeptFolder}/${mounted.folder}/${path}, and the stored text is in its place`;
    const once = [
      ...unkept.map((path) => report(path, moved(path))),
      ...failed.map((path) => report(path, 'something else is in its place, so the stored text is not in the folder')),
    ];
    if (isStale && tries > 1) {
      const next = await this.#merge(session, mounted, folder, tries - 1);
      return { lasting: next.lasting, once: [...once, ...next.once] };
    }
    return { lasting: refused.map(({ path, why }) => report(path, why)), once };
  }

  async #change(
    folder: MemoryFolder,
    { access, state, merge, agreed }: MergeResult,
  ): Promise<MemoryFolderChangeResult> {
    const { stores, closing, newId } = this.deps;
    const put: { readonly path: string; readonly text: string; readonly sha256: string }[] = [];
    for (const memory of merge.pull) {
      const now = await stores.memory(folder.store, memory.id).catch(ignoreNotFound);
      if (now?.path === memory.path) put.push({ path: memoryFilePathOf(memory), text: now.text, sha256: now.sha256 });
    }
    const next = new Map([...agreed, ...put.map(({ path, sha256 }) => [path, sha256] as const)]);
    for (const path of merge.drop) next.delete(path);
    if (put.length === 0 && merge.drop.length === 0 && state.agreed && isSame(next, state.agreed))
      return { unkept: [], failed: [] };
    const change = { name: `memory-${newId()}`, access, put, remove: merge.drop, before: merge.agreed, agreed: next };
    return await applyMemoryFolderChange(folder, change, closing);
  }
}

interface MergeResult {
  readonly access: MountedMemoryStore['access'];
  readonly state: MemoryFolderState;
  readonly merge: MemoryFolderMerge;
  readonly agreed: ReadonlyMap<string, string>;
}
const isSame = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([path, hash]) => b.get(path) === hash);

const withoutStop = (text: string): string => text.replace(/\.$/, '');

/** A delegated child writes on behalf of its parent session. */
const rootOf = ({ id, writer: { record } }: MemoryFolderSession): SessionId =>
  record.parent && record.parent.attempts === undefined ? record.parent.sessionId : id;
