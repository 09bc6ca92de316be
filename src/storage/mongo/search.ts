import type { SessionId } from '../../core/model/ids.ts';
import { toAsciiLower } from '../../core/text/text.ts';
import type { MongoConnection } from './connection.ts';
import { eventSessionIdOf, toEventRangeFilter } from './documents.ts';

const searchedAtOnce = 50; // sessions

export async function searchMessages(
  { at }: MongoConnection,
  text: string,
  { limit, among }: { readonly limit: number; readonly among: readonly SessionId[] | undefined },
): Promise<SessionId[]> {
  const target = toAsciiLower(text);
  const found = new Set<SessionId>();
  const parts = among
    ? Array.from({ length: Math.ceil(among.length / searchedAtOnce) }, (_, n) => ({
        $or: among.slice(n * searchedAtOnce, (n + 1) * searchedAtOnce).map((id) => ({ _id: toEventRangeFilter(id) })),
      }))
    : [{}];
  for (const events of at.allEvents) {
    for (const part of parts) {
      // The database searches the fact's whole JSON, so its matches are verified here.
      const cursor = events.find({ ...part, said: 1, fact: { $regex: patternOf(text) } }, { projection: { fact: 1 } });
      for await (const { _id, fact } of cursor) {
        if (!toAsciiLower(JSON.parse(fact).data.text).includes(target)) continue;
        found.add(eventSessionIdOf(_id));
        if (found.size === limit) return [...found];
      }
    }
  }
  return [...found];
}

export async function searchTitles(
  { at }: Pick<MongoConnection, 'at'>,
  text: string,
  limit: number,
): Promise<SessionId[]> {
  const target = text.toLowerCase();
  const found: SessionId[] = [];
  const pattern = { $regex: patternOf(text), $options: 'i' };
  const titles = at.records.find({ kind: 'session', doc: pattern }, { projection: { id: 1, doc: 1 } });
  for await (const { id, doc } of titles) {
    if (!(JSON.parse(doc).title ?? '').toLowerCase().includes(target)) continue;
    found.push(id as SessionId);
    if (found.length === limit) break;
  }
  return found;
}

/** Escapes the text as JSON does. Only ASCII letters match case-insensitively. */
const patternOf = (text: string): string =>
  JSON.stringify(text)
    .slice(1, -1)
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\\\\[a-z]|[a-z]/gi, (found) =>
      found.length > 1 ? found : `[${found.toLowerCase()}${found.toUpperCase()}]`,
    );
