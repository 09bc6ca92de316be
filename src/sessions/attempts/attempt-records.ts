import { z } from 'zod';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreConflict } from '../../core/errors/errors.ts';
import { deriveSessionId, SessionId } from '../../core/model/ids.ts';
import { AttemptSet, attemptDiffKind, attemptsKind, unfinishedAttemptsKind } from '../../core/model/runs/attempts.ts';
import { changeRecordWithResult } from '../../storage/collection.ts';
import type { AttemptDiff } from '../api/server/attempts.ts';

const Open = z.object({ sessionId: SessionId, attempts: z.string(), count: z.int(), at: z.number() });
export type PendingAttempts = z.infer<typeof Open>;
export interface StoredAttemptSet {
  readonly set: AttemptSet;
  readonly version: number;
}
const Diff = z.object({ text: z.string(), truncated: z.boolean() });

/** Deterministic, so a restarted server finds the session instead of creating another one. */
export const deriveAttemptSessionId = (attempts: string, n: number): SessionId =>
  deriveSessionId(`attempt ${attempts} ${n}`);

const idOf = (id: SessionId, attempts: string): string => `${id}:${attempts}`;
const missing = () => new AppError('not_found', 'The session has no such attempts.');
const openIdOf = (id: SessionId): string => `of-${id}`;

export class AttemptRecords extends ServerComponent<Pick<ServerDependencies, 'records'>> {
  async find(id: SessionId, attempts: string): Promise<StoredAttemptSet | undefined> {
    const found = await this.deps.records.get(attemptsKind, idOf(id, attempts));
    return found && { set: AttemptSet.parse(found.doc), version: found.version };
  }

  async the(id: SessionId, attempts: string): Promise<StoredAttemptSet> {
    const found = await this.find(id, attempts);
    if (!found) throw missing();
    return found;
  }

  async list(id: SessionId): Promise<AttemptSet[]> {
    const found = await this.deps.records.list(attemptsKind, { idPrefix: `${id}:` });
    return found.map(({ doc }) => AttemptSet.parse(doc)).sort((a, b) => b.at - a.at);
  }

  /** Resolves with the new version. Rejects with conflict after a concurrent change. */
  async put(set: AttemptSet, expect: number): Promise<number> {
    const id = idOf(set.sessionId, set.id);
    return await this.deps.records.put({ kind: attemptsKind, id, doc: set, sort: set.at, expect });
  }

  /** `change` runs again after a concurrent write. */
  async change(id: SessionId, attempts: string, change: (set: AttemptSet) => AttemptSet): Promise<AttemptSet> {
    const changed = await this.step(id, attempts, async (set) => change(set));
    if (!changed) throw missing();
    return changed.next;
  }

  /** Calls `step` again after a concurrent write. */
  async step<Next extends AttemptSet | 'wait' | 'done'>(
    id: SessionId,
    attempts: string,
    step: (set: AttemptSet) => Promise<Next>,
  ): Promise<{ readonly next: Next; readonly version: number } | undefined> {
    return await changeRecordWithResult(
      this.deps.records,
      { kind: attemptsKind, id: idOf(id, attempts) },
      async (found) => {
        if (!found) return { value: undefined };
        const next = await step(AttemptSet.parse(found.doc));
        const value = { next, version: found.version };
        return next === 'wait' || next === 'done' ? { value } : { value, doc: next, sort: next.at };
      },
    );
  }

  /** Rejects: conflict (other attempts of the session are open). */
  async open(open: PendingAttempts): Promise<void> {
    const id = openIdOf(open.sessionId);
    const created = await this.deps.records
      .put({ kind: unfinishedAttemptsKind, id, doc: open, expect: 0 })
      .catch(ignoreConflict);
    if (created !== undefined || (await this.opened(open.sessionId))?.attempts === open.attempts) return;
    throw new AppError(
      'conflict',
      'Other attempts of this session are in progress. Wait for them, or stop them first.',
    );
  }

  async opened(id: SessionId): Promise<PendingAttempts | undefined> {
    const found = await this.deps.records.get(unfinishedAttemptsKind, openIdOf(id));
    return found && Open.parse(found.doc);
  }

  async allOpen(): Promise<PendingAttempts[]> {
    return (await this.deps.records.list(unfinishedAttemptsKind)).map(({ doc }) => Open.parse(doc));
  }

  async close(id: SessionId): Promise<void> {
    await this.deps.records.delete(unfinishedAttemptsKind, openIdOf(id));
  }

  async stopOpen(id: SessionId): Promise<void> {
    const open = await this.opened(id);
    if (!open || !(await this.find(id, open.attempts))) return;
    await this.change(id, open.attempts, (set) => ({ ...set, isStopped: true }));
  }

  async putDiff({ sessionId, id }: AttemptSet, n: number, diff: AttemptDiff): Promise<void> {
    await this.deps.records.put({ kind: attemptDiffKind, id: `${sessionId}:${id}:${n}`, doc: diff });
  }

  async diff(id: SessionId, attempts: string, n: number): Promise<AttemptDiff> {
    const found = await this.deps.records.get(attemptDiffKind, `${id}:${attempts}:${n}`);
    if (found) return Diff.parse(found.doc);
    throw new AppError('not_found', 'This attempt has no diff yet. Wait until it ends.');
  }
}
