import type { Session } from './sessions.ts';

type BranchedSession = Pick<Session, 'id' | 'branch' | 'forkedFrom' | 'createdAt'>;
interface MessagePlace {
  readonly sessionId: string;
  readonly seq: number;
}

/** Oldest session first. Undefined for a single version. `firstOwn`: seq of the first message that was not copied. */
export function findMessageBranches(
  all: readonly BranchedSession[],
  { sessionId, seq, firstOwn }: MessagePlace & { readonly firstOwn: number },
): { readonly ids: readonly string[]; readonly at: number } | undefined {
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

function originOf(byId: ReadonlyMap<string, BranchedSession>, { sessionId, seq }: MessagePlace): MessagePlace {
  const from = byId.get(sessionId)?.forkedFrom;
  if (!from || seq > from.seq || from.sessionId === sessionId) return { sessionId, seq };
  return originOf(byId, { sessionId: from.sessionId, seq });
}
