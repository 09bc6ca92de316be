import { hasMetadata } from '../../../../api/views/session-options.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import { badRequestError, parsePageLimit } from './parsed.ts';
import { sandboxStateOf } from './shapes.ts';

interface Page {
  readonly sessions: readonly SessionRecord[];
  readonly next: string | undefined;
  readonly running: number;
}

/** Page tokens are sort positions, so no sandbox is skipped between pages. */
export function toSandboxPage(all: readonly SessionRecord[], query: URLSearchParams): Page {
  const labels = parseMetadataQuery(query.getAll('metadata'));
  const states = new Set(
    query
      .getAll('state')
      .flatMap((text) => text.split(/,|%2C/i))
      .filter(Boolean),
  );
  const template = query.get('template') ?? undefined;
  if (template?.includes(':')) throw badRequestError('template is a name without a tag.');
  const after = query.get('startedAfter');
  const since = after === null ? Number.NEGATIVE_INFINITY : Date.parse(after);
  if (Number.isNaN(since)) throw badRequestError('startedAfter is no time.');
  const order = query.get('order') ?? 'desc';
  if (order !== 'asc' && order !== 'desc') throw badRequestError('order is asc or desc.');
  const limit = parsePageLimit(query);
  for (const state of states)
    if (state !== 'running' && state !== 'paused') throw badRequestError(`There is no state ${state}.`);

  const own = all.filter(({ origin, life }) => origin === 'e2b' && life);
  const matching = own
    .filter(({ life }) => states.size === 0 || states.has(sandboxStateOf(life)))
    .filter(({ life }) => template === undefined || life?.kind === template)
    .filter(({ createdAt }) => createdAt >= since)
    .filter(({ metadata }) => hasMetadata(metadata, labels))
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  if (order === 'desc') matching.reverse();
  const place = parsePosition(query.get('nextToken'));
  const isBehind = ({ createdAt, id }: SessionRecord) => {
    if (!place) return true;
    const [at, last] = place;
    const isLater = createdAt > at || (createdAt === at && id > last);
    return order === 'asc' ? isLater : !isLater && !(createdAt === at && id === last);
  };
  const rest = matching.filter(isBehind);
  const sessions = rest.slice(0, limit);
  const end = sessions.at(-1);
  const next = rest.length > limit && end ? Buffer.from(`${end.createdAt} ${end.id}`).toString('base64url') : undefined;
  return { sessions, next, running: own.filter(({ life }) => sandboxStateOf(life) === 'running').length };
}

function parsePosition(token: string | null): readonly [number, string] | undefined {
  if (token === null || token === '') return undefined;
  const match = /^(\d+) ([0-9a-f]{16})$/.exec(Buffer.from(token, 'base64url').toString());
  if (!match) throw badRequestError('nextToken is not one that this server gave.');
  return [Number(match[1]), match[2] ?? ''];
}

export function parseMetadataQuery(values: readonly string[]): [string, string][] {
  const pairs = values.flatMap((value) => [...new URLSearchParams(value)]);
  return pairs.map(([name, value]) => [decoded(name), decoded(value)]);
}
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequestError('metadata is not encoded as it must be.');
  }
}
