import type { Store } from '../../../core/contracts/ports.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import type { ListQuery } from '../../api/sessions.ts';

const maxFound = 10_000;
const texts = ['title', 'latestMessage', 'lastTask'] as const satisfies readonly (keyof SessionRecord)[];

interface SearchFilter {
  readonly matches: (session: SessionRecord) => boolean;
  /** No other session can match. Undefined: there are too many of them. */
  readonly among: ReadonlySet<string> | undefined;
}

/** The sessions that a search finds. The store searches, so that no other session is read here. */
export async function searchStoredSessions(
  {
    events,
    records,
  }: { readonly events: Pick<Store['events'], 'search'>; readonly records: Pick<Store['records'], 'search'> },
  { text, mayRead = () => true }: NonNullable<ListQuery['search']>,
): Promise<SearchFilter> {
  const target = text.toLowerCase();
  const has = (where: string) => where.toLowerCase().includes(target);
  const [lines, shown] = await Promise.all([
    events.search(text, maxFound),
    records.search('session', { fields: texts, text, limit: maxFound }),
  ]);
  const found = new Set<string>(lines);
  const isWhole = lines.length < maxFound && shown.length < maxFound;
  return {
    matches: (session) =>
      has(session.title) ||
      (mayRead(session) && (has(session.latestMessage) || has(session.lastTask) || found.has(session.id))),
    among: isWhole ? new Set([...lines, ...shown]) : undefined,
  };
}
