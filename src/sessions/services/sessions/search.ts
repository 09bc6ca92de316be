import type { Store } from '../../../core/contracts/ports.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import type { SessionListQuery } from '../../api/sessions.ts';

const maxFound = 10_000;
const texts = ['title', 'latestMessage', 'lastTask'] as const satisfies readonly (keyof SessionRecord)[];

interface SearchFilter {
  readonly matches: (session: SessionRecord) => boolean;
  /** Only these sessions can match. Undefined: too many to list. */
  readonly among: ReadonlySet<string> | undefined;
}

/** Resolves with the ids of the sessions that match. */
export async function searchWithin(
  { events }: { readonly events: Pick<Store['events'], 'search'> },
  own: readonly SessionRecord[],
  { text, mayRead = () => true }: NonNullable<SessionListQuery['search']>,
): Promise<ReadonlySet<string>> {
  const target = text.toLowerCase();
  const has = (where: string) => where.toLowerCase().includes(target);
  const readable = new Set<string>(own.filter(mayRead).map(({ id }) => id));
  const shows = (session: SessionRecord) =>
    has(session.title) || (readable.has(session.id) && (has(session.latestMessage) || has(session.lastTask)));
  const shown = own.filter(shows).map(({ id }) => id);
  const isShown = new Set<string>(shown);
  const others = own.map(({ id }) => id).filter((id) => readable.has(id) && !isShown.has(id));
  return new Set([...shown, ...(await events.search(text, maxFound, others))]);
}

/** Searches in the store, so that only matching sessions are read here. */
export async function searchStoredSessions(
  {
    events,
    records,
  }: { readonly events: Pick<Store['events'], 'search'>; readonly records: Pick<Store['records'], 'search'> },
  { text, mayRead = () => true }: NonNullable<SessionListQuery['search']>,
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
