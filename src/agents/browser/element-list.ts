import type { FoundElement, PageScan } from './page-types.ts';

export interface ElementSnapshot {
  readonly document: string;
  readonly ids: ReadonlySet<number>;
  readonly count: number;
}

export const toElementSnapshot = ({
  document,
  elements,
}: Pick<PageScan, 'document' | 'elements'>): ElementSnapshot => ({
  document,
  ids: new Set(elements.map(({ id }) => id)),
  count: elements.length,
});

/** Example: `3:<button>Save</button> [new]`. `[new]` marks elements that were not in the last view of this document. */
export function formatElementLines(
  { document, elements, more }: Pick<PageScan, 'document' | 'elements' | 'more'>,
  before: ElementSnapshot | undefined,
): string[] {
  const isNew = ({ id }: FoundElement) => before?.document === document && !before.ids.has(id);
  const lines = elements.map(
    (element, index) => `${index}:<${element.tag}>${element.text}</${element.tag}>${isNew(element) ? ' [new]' : ''}`,
  );
  return more > 0 ? [...lines, `… and ${more} more on this screen`] : lines;
}
