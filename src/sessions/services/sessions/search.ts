import type { Store } from '../../../core/contracts/ports.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import type { ListQuery } from '../../api/sessions.ts';

const maxFound = 10_000;

/** Tells which sessions a search finds. */
export async function searched(
  events: Pick<Store['events'], 'search'>,
  { text, mayRead = () => true }: NonNullable<ListQuery['search']>,
): Promise<(session: SessionRecord) => boolean> {
  const wanted = text.toLowerCase();
  const has = (where: string) => where.toLowerCase().includes(wanted);
  const found = new Set(await events.search(text, maxFound));
  return (session) =>
    has(session.title) ||
    (mayRead(session) && (has(session.latestMessage) || has(session.lastTask) || found.has(session.id)));
}
