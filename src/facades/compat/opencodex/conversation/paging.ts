import type { PageQuery } from '../schemas.ts';

interface Page<T> {
  readonly items: T[];
  readonly total: number;
}
const usual = 100;
const newest = 500;

export function toPage<T>(all: readonly T[], { skip = 0, limit = usual }: PageQuery): Page<T> {
  return { items: all.slice(skip, skip + limit), total: all.length };
}

/** Returns the newest rows by default, oldest first, as OpenCodex's front end expects. */
export function toNewestPage<T>(all: readonly T[], query: PageQuery): Page<T> {
  if (query.skip === undefined && query.limit === undefined) return { items: all.slice(-newest), total: all.length };
  return toPage(all, query);
}
