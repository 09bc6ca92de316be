import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../../parts/kit/button.tsx';
import { useActionError } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}
export interface PagedList<Item> extends Partial<Page<Item>> {
  readonly trouble: string;
  readonly more: () => unknown;
  readonly again: () => Promise<unknown>;
}

const searchMs = 300; // after the last keystroke

/** Loads the first page when `filter` changes, and further pages on request. Drops late answers for an earlier filter. */
export function usePagedList<Item>(
  filter: string,
  load: (next: string | undefined) => Promise<Page<Item>>,
): PagedList<Item> {
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

export const LoadMoreButton = ({ next, more }: Pick<PagedList<unknown>, 'next' | 'more'>) =>
  next ? (
    <div>
      <Button label={t('administration.more')} onClick={more} />
    </div>
  ) : null;
