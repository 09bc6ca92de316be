import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { RecordStore } from '../../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../../core/contracts/server-parts.ts';
import { AppError, ignoreConflict, ignoreSessionNotFound } from '../../../core/errors/errors.ts';
import { type IdSource, SessionId } from '../../../core/model/ids.ts';
import { boxNameKind as kind, type SessionRecord } from '../../../core/model/records.ts';
import { changeRecord, changeRecordWithResult, createRecordSweep } from '../../../storage/collection.ts';

interface Deps extends Pick<ServerDependencies, 'clock'> {
  readonly records: Pick<RecordStore, 'get' | 'put' | 'delete' | 'list'>;
  readonly ids: Pick<IdSource, 'sessionId'>;
  /** Rejects: session_not_found, including for a session that is being deleted. */
  readonly get: (id: SessionId) => Promise<SessionRecord>;
}
const NameEntry = z.object({
  sessionId: SessionId,
  name: z.string(),
  /** While this is false, any caller that claims the name can create the session. */
  isMade: z.boolean(),
  at: z.number(),
});
type NameEntry = z.infer<typeof NameEntry>;

/** If several callers hold the same claim, only one can complete it. */
export interface NameClaim {
  readonly key: string;
  readonly sessionId: SessionId;
  readonly name: string;
  readonly version: number;
}
export type NameClaimResult =
  | { readonly kind: 'session'; readonly session: SessionRecord }
  | { readonly kind: 'claim'; readonly claim: NameClaim };

/** In ms. After this time, an entry is valid only if its session has the name. */
const unfinishedMs = 60_000;

/** Names are unique per owner across servers. The session's record takes precedence over the entry. */
export class SessionNames extends ServerComponent<Deps> {
  readonly #nextEntries = createRecordSweep(this.deps.records, kind, ({ id, doc }) => ({
    id,
    sort: NameEntry.parse(doc).at,
  }));

  async find(owner: string | undefined, name: string): Promise<SessionRecord | undefined> {
    const entry = await this.deps.records.get(kind, keyOf(owner, name));
    return entry && (await this.#holder(NameEntry.parse(entry.doc)));
  }

  async claim(owner: string | undefined, name: string): Promise<NameClaimResult> {
    const { clock, ids } = this.deps;
    const key = keyOf(owner, name);
    return await changeRecordWithResult<NameClaimResult>(this.deps.records, { kind, id: key }, async (entry) => {
      const now = entry && NameEntry.parse(entry.doc);
      const session = now && (await this.#holder(now));
      if (session) return { value: { kind: 'session', session } };
      const claim = (sessionId: SessionId, version: number): NameClaimResult => ({
        kind: 'claim',
        claim: { key, name, sessionId, version },
      });
      if (entry && now && !now.isMade && this.#isFresh(now)) return { value: claim(now.sessionId, entry.version) };
      const [sessionId, at] = [ids.sessionId(), clock.now()];
      const doc: NameEntry = { sessionId, name, isMade: false, at };
      return { value: claim(sessionId, (entry?.version ?? 0) + 1), doc, sort: at };
    });
  }

  async complete({ key, name, sessionId, version }: NameClaim): Promise<boolean> {
    const doc: NameEntry = { sessionId, name, isMade: true, at: this.deps.clock.now() };
    const put = this.deps.records.put({ kind, id: key, doc, sort: doc.at, expect: version });
    return (await put.catch(ignoreConflict)) !== undefined;
  }

  async release({ key, version }: NameClaim): Promise<void> {
    await this.deps.records.delete(kind, key, version).catch(ignoreConflict);
  }

  /** `change` stores the name. Rejects: conflict (another session uses or reserved the name), and as `change` does. */
  async rename<Changed>(
    { id, owner, name: before }: Pick<SessionRecord, 'id' | 'owner' | 'name'>,
    name: string | null,
    change: () => Promise<Changed>,
  ): Promise<Changed> {
    if (name === before) return await change();
    if (name !== null) {
      const key = keyOf(owner, name);
      await changeRecord<NameEntry>(this.deps.records, { kind, id: key }, async (entry) => {
        const now = entry && NameEntry.parse(entry.doc);
        const holder = now && (await this.#holder(now));
        const isBeingMade = now && !now.isMade && this.#isFresh(now);
        if (isBeingMade || (holder && holder.id !== id)) {
          const which = holder ? `The session ${holder.id}` : 'A session that is being created';
          throw new AppError(
            'conflict',
            `${which} already has the name ${name}. Rename or delete it first, or choose another name.`,
          );
        }
        const at = this.deps.clock.now();
        return { doc: { sessionId: id, name, isMade: true, at }, sort: at };
      });
    }
    const changed = await change();
    if (before != null) await this.#drop(keyOf(owner, before), id);
    return changed;
  }

  /** Checks one batch of entries per call. Resolves with the number of removed entries. */
  async collect(before: number): Promise<number> {
    let removed = 0;
    for (const { id, doc, version } of await this.#nextEntries({ sort: before, id: '' })) {
      const entry = NameEntry.parse(doc);
      if (entry.at >= before || (await this.#holder(entry))) continue;
      await this.deps.records.delete(kind, id, version).catch(ignoreConflict);
      removed++;
    }
    return removed;
  }

  async #holder(entry: NameEntry): Promise<SessionRecord | undefined> {
    const session = await this.deps.get(entry.sessionId).catch(ignoreSessionNotFound);
    // A new name's entry is written before the session's record changes.
    return session && (session.name === entry.name || this.#isFresh(entry)) ? session : undefined;
  }

  #isFresh({ at }: NameEntry): boolean {
    return this.deps.clock.now() - at < unfinishedMs;
  }

  async #drop(key: string, id: SessionId): Promise<void> {
    const entry = await this.deps.records.get(kind, key);
    if (!entry || NameEntry.parse(entry.doc).sessionId !== id) return;
    await this.deps.records.delete(kind, key, entry.version).catch(ignoreConflict);
  }
}

/** Hashed, because the owner and the name can be long and contain separators. */
const keyOf = (owner: string | undefined, name: string): string =>
  createHash('sha256')
    .update(JSON.stringify([owner ?? null, name]))
    .digest('hex');
