import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../../parts/kit/button.tsx';
import { useActionError } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}
type LoadPage<Item> = (next: string | undefined) => Promise<Page<Item>>;

const searchMs = 300; // after the last keystroke

/** Loads the first page when `filter` changes. Drops late responses for an earlier filter. */
export function usePagedList<Item>(filter: string, load: LoadPage<Item>) {
  const [page, setPage] = useState<Page<Item>>();
  const [trouble, tryIt] = useActionError();
  const current = useRef(filter);
  current.current = filter;
  const read = (before: Page<Item> | undefined) =>
    tryIt(t('administration.unread'), async () => {
      const { items, next } = await load(before?.next ?? undefined);
      if (current.current === filter) setPage({ items: [...(before?.items ?? []), ...items], next });
    });
  useEffect(() => {
    const timer = setTimeout(() => void read(undefined), page ? searchMs : 0);
    return () => clearTimeout(timer);
  }, [filter]);
  return { ...page, trouble, more: () => read(page), again: () => read(undefined) };
}

export async function readAllPages<Item>(most: number, load: LoadPage<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for (let next: string | null | undefined; next !== null && all.length < most; ) {
    const page: Page<Item> = await load(next);
    all.push(...page.items);
    ({ next } = page);
  }
  return all;
}

export const LoadMoreButton = ({ next, more }: { next?: string | null; more: () => unknown }) =>
  next ? (
    <div>
      <Button label={t('administration.more')} onClick={more} />
    </div>
  ) : null;
