import type { Store } from '../../../core/contracts/ports.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import type { SessionListQuery } from '../../api/sessions.ts';

/** Maximum number of search results. If more match, sessions are read newest first instead. */
const maxFound = 2_000;

interface SearchFilter {
  readonly matches: (session: SessionRecord) => boolean;
  readonly among: ReadonlySet<string>;
}

export async function searchListedSessions(
  { events }: { readonly events: Pick<Store['events'], 'search'> },
  own: readonly SessionRecord[],
  { text, mayRead = () => true }: NonNullable<SessionListQuery['search']>,
): Promise<ReadonlySet<string>> {
  const target = text.toLowerCase();
  const isTitled = ({ title }: SessionRecord) => title.toLowerCase().includes(target);
  const titled = own.filter(isTitled).map(({ id }) => id);
  const others = own.filter((session) => !isTitled(session) && mayRead(session)).map(({ id }) => id);
  return new Set([...titled, ...(await events.search(text, maxFound, others))]);
}

/** Resolves with undefined if too many sessions match. */
export async function searchStoredSessions(
  {
    events,
    records,
  }: { readonly events: Pick<Store['events'], 'search'>; readonly records: Pick<Store['records'], 'searchTitles'> },
  { text, mayRead = () => true }: NonNullable<SessionListQuery['search']>,
): Promise<SearchFilter | undefined> {
  const target = text.toLowerCase();
  const [said, titled] = await Promise.all([events.search(text, maxFound), records.searchTitles(text, maxFound)]);
  if (said.length === maxFound || titled.length === maxFound) return undefined;
  const found = new Set<string>(said);
  return {
    matches: (session) => session.title.toLowerCase().includes(target) || (mayRead(session) && found.has(session.id)),
    among: new Set([...said, ...titled]),
  };
}
