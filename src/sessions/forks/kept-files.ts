import { z } from 'zod';
import type { BlobPutOptions } from '../../core/contracts/blobs.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { fileCopiesKind } from '../../core/model/records.ts';
import type { CopyStore, StoredCopy } from './copies.ts';

/** A session's files at a seq of its log. Without a blob, `why` gives the reason. */
const FileCopy = z.object({
  seq: z.int(),
  blob: z.string().nullable(),
  /** The size of the copy if there is one, else of the files. */
  bytes: z.int(),
  print: z.string(),
  /** When the copy was created, epoch ms, and its hash; absent from copies of earlier versions. */
  at: z.number().optional(),
  sha256: z.string().optional(),
  why: z.enum(['empty', 'too_large', 'failed']).optional(),
});
export type SessionFilesCopy = z.infer<typeof FileCopy>;

/** `upto` is the newest checked seq: no file changed between the last item and it. */
const FileCopies = z.object({
  upto: z.int(),
  /** Copies before this seq were deleted. */
  from: z.int(),
  items: z.array(FileCopy),
});
export type SessionFilesCopies = z.infer<typeof FileCopies>;

interface Deps {
  readonly records: RecordStore;
  readonly copies: Pick<CopyStore, 'placeOf' | 'share'>;
  readonly clock: Pick<Clock, 'now'>;
}

export async function readSessionFilesCopies(
  { records }: Pick<Deps, 'records'>,
  id: SessionId,
): Promise<SessionFilesCopies> {
  const found = await records.get(fileCopiesKind, id);
  return found ? FileCopies.parse(found.doc) : { upto: 0, from: 0, items: [] };
}

export async function writeSessionFilesCopies(
  { records }: Pick<Deps, 'records'>,
  id: SessionId,
  doc: SessionFilesCopies,
): Promise<void> {
  await records.put({ kind: fileCopiesKind, id, doc });
}

/**
 * Copies the stored copy and records it as the session's files at `seq`. Undefined: the stored copy had changed. Rejects as
 * `CopyStore.share` does.
 */
export async function shareCopyForSession(
  deps: Deps,
  id: SessionId,
  { seq, ...from }: StoredCopy & Pick<SessionFilesCopy, 'seq'>,
  options: BlobPutOptions,
): Promise<StoredCopy | undefined> {
  const { copies, clock } = deps;
  const place = copies.placeOf(id);
  const copy = await copies.share(from, place, options);
  if (!copy) return undefined;
  const [{ blob }, { size: bytes, sha256 }] = [place, copy];
  await writeSessionFilesCopies(deps, id, {
    upto: seq,
    from: seq,
    items: [{ seq, blob, bytes, print: '', at: clock.now(), sha256 }],
  });
  return { blob, sha256 };
}
