import { z } from 'zod';
import { parseJson } from '../../../core/text/json.ts';
import { invalidRequestError } from './errors.ts';

/** Throws: invalid_request, naming the field of the first error. */
export function parseInput<Shape extends z.ZodType>(shape: Shape, input: unknown): z.output<Shape> {
  const found = shape.safeParse(input ?? {});
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  const keys = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : '';
  const where = issue?.path.join('.') ?? '';
  if (keys !== '')
    throw invalidRequestError(`${where === '' ? keys : `${where}.${keys}`}: Extra inputs are not permitted.`);
  throw invalidRequestError(`${where || 'The body'}: ${issue?.message}`);
}

export const toIsoTime = (ms: number): string => new Date(ms).toISOString();
export const toIsoTimeOrNull = (ms: number | null | undefined): string | null => (ms == null ? null : toIsoTime(ms));
export const toApiTimes = ({
  createdAt,
  updatedAt,
  archivedAt,
}: Record<'createdAt' | 'updatedAt', number> & { readonly archivedAt: number | null }) => ({
  created_at: toIsoTime(createdAt),
  updated_at: toIsoTime(updatedAt),
  archived_at: toIsoTimeOrNull(archivedAt),
});

/** Times without a zone are UTC. An unescaped `+` arrives as a space. */
export function parseQueryTime(name: string, given: string): number {
  const value = given.replace(/ (?=\d{2}:?\d{2}$)/, '+');
  const hasZone = /(Z|[+-]\d{2}:?\d{2})$/i.test(value);
  const at = Date.parse(hasZone ? value : `${value}Z`);
  if (Number.isNaN(at)) throw invalidRequestError(`${name}: '${value}' is no time as RFC 3339 writes it.`);
  return at;
}

/** Clients write lists as `name[]=a&name[]=b`, `name[0]=a`, `name=a&name=b` or `name=a,b`. */
export class QueryParameters {
  readonly #values: URLSearchParams;

  constructor(url: string) {
    this.#values = new URL(url, 'http://server').searchParams;
  }

  shows = ({ archivedAt }: { readonly archivedAt: number | null }): boolean =>
    archivedAt === null || this.has('include_archived');

  one = (name: string): string | undefined => this.#values.get(name) ?? undefined;
  has = (name: string): boolean => this.one(name) === 'true';
  all = (name: string): string[] =>
    [...this.#values]
      .filter(([key]) => key === name || (key.startsWith(`${name}[`) && /^\[\d*\]$/.test(key.slice(name.length))))
      .flatMap(([, value]) => value.split(','))
      .filter((value) => value !== '');
  integer(name: string, { min, max, usual }: { min: number; max: number; usual: number }): number {
    const text = this.one(name);
    if (text === undefined || text === '') return usual;
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max))
      throw invalidRequestError(`${name} must be a whole number from ${min} to ${max}.`);
    return value;
  }
  order(usual: 'asc' | 'desc'): 'asc' | 'desc' {
    const value = this.one('order') ?? usual;
    if (value !== 'asc' && value !== 'desc') throw invalidRequestError('order must be asc or desc.');
    return value;
  }
  /** Returns a check of times against the bounds `name[gt]`, `name[gte]`, `name[lt]` and `name[lte]`. */
  within(name: string): (at: number) => boolean {
    const bound = (word: string) => {
      const value = this.one(`${name}[${word}]`);
      return value === undefined ? undefined : parseQueryTime(`${name}[${word}]`, value);
    };
    const [gt, gte, lt, lte] = ['gt', 'gte', 'lt', 'lte'].map(bound);
    return (at) =>
      (gt === undefined || at > gt) &&
      (gte === undefined || at >= gte) &&
      (lt === undefined || at < lt) &&
      (lte === undefined || at <= lte);
  }
}

interface Paging {
  readonly limit: number;
  readonly page: string | undefined;
  /** Cursors from lists with another name or order are refused. */
  readonly name: string;
}
export interface ListPage<Item> {
  readonly data: readonly Item[];
  readonly next_page: string | null;
}
const cursorLimits = { maxBytes: 4_096, maxDepth: 2, maxValues: 4 };
const Cursor = z.tuple([z.string(), z.string()]);

export function paginate<Item extends { readonly id: string }>(
  items: readonly Item[],
  { limit, page, name }: Paging,
): ListPage<Item> & { readonly prev_page: string | null } {
  const from = page === undefined || page === '' ? 0 : findPosition(items, page, name);
  const data = items.slice(from, from + limit);
  const cursor = (id: string) => Buffer.from(JSON.stringify([name, id])).toString('base64url');
  const last = data.at(-1);
  const before = items[from - limit - 1];
  return {
    data,
    next_page: last && from + limit < items.length ? cursor(last.id) : null,
    prev_page: from === 0 ? null : cursor(before?.id ?? ''),
  };
}

interface ListedPage<Item, Shown> {
  readonly query: QueryParameters;
  /** Cursors from lists with another name are refused. */
  readonly name: string;
  readonly most?: number;
  readonly usual?: number;
  read(): Promise<readonly Item[]>;
  show(item: Item): Shown;
}
export async function readListPage<Item extends { readonly id: string }, Shown>(list: ListedPage<Item, Shown>) {
  const { query, name, most = 100, usual = 20, read, show } = list;
  const limit = query.integer('limit', { min: 1, max: most, usual });
  const { data, next_page } = paginate(await read(), { limit, page: query.one('page'), name });
  return { data: await Promise.all(data.map(show)), next_page };
}

function findPosition(items: readonly { readonly id: string }[], page: string, name: string): number {
  const json = parseJson(Buffer.from(page, 'base64url').toString(), cursorLimits);
  const { success, data } = Cursor.safeParse(json.ok ? json.value : undefined);
  if (!success || data[0] !== name) throw invalidRequestError('page is no cursor of this list in this order.');
  if (data[1] === '') return 0;
  const at = items.findIndex(({ id }) => id === data[1]);
  if (at < 0) throw invalidRequestError('page: the place of this cursor is gone. Begin again without page.');
  return at + 1;
}
export const withoutPreviousPage = <Item>({ data, next_page }: ListPage<Item>): ListPage<Item> => ({ data, next_page });

const pair = z.record(z.string().min(1).max(64), z.string().max(512));
export const Metadata = pair.refine((pairs) => Object.keys(pairs).length <= 16, 'must have at most 16 pairs');
export const MetadataChange = z.record(z.string().min(1).max(64), z.string().max(512).nullable());
/** A null value deletes the key. */
export function applyMetadataChange(
  now: Readonly<Record<string, string>>,
  change: z.output<typeof MetadataChange>,
): Record<string, string> {
  const all: Record<string, string | null> = { ...now, ...change };
  const next = Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null));
  if (Object.keys(next).length > 16)
    throw invalidRequestError('metadata must have at most 16 pairs.', 'invalid_metadata');
  return next;
}
