import type { Session } from './sessions.ts';

// An edited message has branches: the session with its old wording, and one session for each new wording.

type BranchedSession = Pick<Session, 'id' | 'branch' | 'forkedFrom' | 'createdAt'>;
interface MessagePlace {
  readonly sessionId: string;
  readonly seq: number;
}

export interface Branches {
  /** The sessions of the branches, the oldest first. */
  readonly ids: readonly string[];
  /** The one of this session. */
  readonly at: number;
}

/**
 * The branches of a message of a session; undefined: it has only this wording. `firstOwn`: the place of the first message
 * that the session did not copy from another one.
 */
export function findBranches(
  all: readonly BranchedSession[],
  { sessionId, seq, firstOwn }: { readonly sessionId: string; readonly seq: number; readonly firstOwn: number },
): Branches | undefined {
  const byId = new Map(all.map((one) => [one.id, one]));
  const here = byId.get(sessionId);
  const isBranch = here?.branch && seq === firstOwn;
  const place = (isBranch && here.branch) || originOf(byId, { sessionId, seq });
  const others = all
    .filter(({ branch }) => branch?.sessionId === place.sessionId && branch.seq === place.seq)
    .toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id < b.id ? -1 : 1));
  const original = isBranch ? byId.get(place.sessionId)?.id : sessionId;
  const ids = [...(original === undefined ? [] : [original]), ...others.map(({ id }) => id)];
  return ids.length < 2 ? undefined : { ids, at: ids.indexOf(sessionId) };
}

/** A copied message is a message of the session that it was copied from. */
function originOf(byId: ReadonlyMap<string, BranchedSession>, { sessionId, seq }: MessagePlace): MessagePlace {
  const from = byId.get(sessionId)?.forkedFrom;
  if (!from || seq > from.seq || from.sessionId === sessionId) return { sessionId, seq };
  return originOf(byId, { sessionId: from.sessionId, seq });
}
