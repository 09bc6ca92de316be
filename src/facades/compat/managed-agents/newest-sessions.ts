import type { SessionRecord } from '../../../core/model/records.ts';
import type { Services } from '../../../sessions/api/services.ts';

const newestFirst = (one: SessionRecord, other: SessionRecord) => other.createdAt - one.createdAt;

/**
 * The matching sessions, newest creation first. With a limit, returns at least `limit` + 1 sessions if there are that many. The
 * service lists by newest message, which is never older than the session, so the first rows are usually enough.
 */
export async function listNewestSessions(
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
  // Sessions with equal times keep their order, so the sessions beyond `part` come after those in it.
  const isWhole = part.length < rows || (oldest && last && oldest.createdAt >= last.latestMessageAt);
  // Otherwise reads all sessions in one call: between pages, a session that gets a message would move in the list.
  return isWhole ? found : await all();
}
