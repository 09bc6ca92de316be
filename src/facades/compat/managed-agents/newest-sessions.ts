import type { SessionRecord } from '../../../core/model/records.ts';
import type { Services } from '../../../sessions/api/services.ts';

const newestFirst = (one: SessionRecord, other: SessionRecord) => other.createdAt - one.createdAt;

/**
 * The sessions of a list, newest creation first: all, or with a limit at least that many plus one. The service lists by
 * the newest message, and no session was created after its own, so the first rows are usually enough.
 */
export async function newestSessions(
  sessions: Pick<Services['sessions'], 'list'>,
  isMatch: (record: SessionRecord) => boolean,
  limit: number | undefined,
): Promise<SessionRecord[]> {
  const all = async () => (await sessions.list()).filter(isMatch).sort(newestFirst);
  if (limit === undefined) return await all();
  const rows = 2 * limit + 1;
  const part = await sessions.list({ limit: rows, after: undefined, keep: () => true });
  const found = part
    .filter(isMatch)
    .sort(newestFirst)
    .slice(0, limit + 1);
  const [oldest, last] = [found[limit], part.at(-1)];
  // Sessions with the same time keep their order, so those that were not read come after.
  const isWhole = part.length < rows || (oldest && last && oldest.createdAt >= last.latestMessageAt);
  // Read in one call, because a session that gets a message in the meantime moves in the list.
  return isWhole ? found : await all();
}
