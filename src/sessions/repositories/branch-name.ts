import type { StoredSession } from '../run/log/projection.ts';

const words = 5;
const chars = 40;

/** The branch of a session: `corral/<words of its task>-<beginning of its id>`. */
export function branchOf({
  id,
  title,
  lastTask,
  openRuns,
}: Pick<StoredSession, 'id' | 'title' | 'lastTask' | 'openRuns'>) {
  const text = title || lastTask || openRuns[0]?.task || '';
  const slug = text
    .normalize('NFKD')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .slice(0, words)
    .join('-')
    .slice(0, chars)
    .replace(/-$/, '');
  const short = id.slice(0, 8);
  return slug === '' ? `corral/${short}` : `corral/${slug}-${short}`;
}
