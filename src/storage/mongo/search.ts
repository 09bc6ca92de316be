import type { SessionId } from '../../core/model/ids.ts';
import { asciiLower } from '../../core/text/text.ts';
import type { Connection } from './connection.ts';
import { sessionOf } from './documents.ts';

/** The sessions with a message that contains the text, at most `limit`. */
export async function searchMessages({ at }: Connection, text: string, limit: number): Promise<SessionId[]> {
  const wanted = asciiLower(text);
  const found = new Set<SessionId>();
  for (const events of at.allEvents) {
    // The database compares the whole fact as JSON, so what it finds is compared once more.
    const cursor = events.find({ said: 1, fact: { $regex: patternOf(text) } }, { projection: { fact: 1 } });
    for await (const { _id, fact } of cursor) {
      if (!asciiLower(JSON.parse(fact).data.text).includes(wanted)) continue;
      found.add(sessionOf(_id));
      if (found.size === limit) return [...found];
    }
  }
  return [...found];
}

/** The text as JSON writes it. Only the case of ASCII letters makes no difference. */
const patternOf = (text: string): string =>
  JSON.stringify(text)
    .slice(1, -1)
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\\\\[a-z]|[a-z]/gi, (found) =>
      found.length > 1 ? found : `[${found.toLowerCase()}${found.toUpperCase()}]`,
    );
