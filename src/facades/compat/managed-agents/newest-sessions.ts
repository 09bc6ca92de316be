import type { SessionRecord } from '../../../core/model/records.ts';
import type { Services } from '../../../sessions/api/services.ts';

const newestFirst = (one: SessionRecord, other: SessionRecord) => other.createdAt - one.createdAt;

/**
 * The sessions of a list, the one that was made last first: all, or with a limit at least so many and one more. The
 * service lists by the newest message, which no session is younger than. So usually the first rows are enough.
 */
export async function newestSessions(
  sessions: Pick<Services['sessions'], 'list'>,
  isAsked: (record: SessionRecord) => boolean,
  limit: number | undefined,
): Promise<SessionRecord[]> {
  const all = async () => (await sessions.list()).filter(isAsked).sort(newestFirst);
  if (limit === undefined) return await all();
  const rows = 2 * limit + 1;
  const part = await sessions.list({ limit: rows, after: undefined, keep: () => true });
  const found = part
    .filter(isAsked)
    .sort(newestFirst)
    .slice(0, limit + 1);
  const [oldest, last] = [found[limit], part.at(-1)];
  // Sessions of one time keep their order, so those that were not read come after.
  const isWhole = part.length < rows || (oldest && last && oldest.createdAt >= last.latestMessageAt);
  // Read at once, because a session that gets a message meanwhile changes its place.
  return isWhole ? found : await all();
}
