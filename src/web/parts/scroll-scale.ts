// Browsers limit an element's height, Firefox to 17.9 million pixels.

const maxSpace = 8_000_000; // pixels

interface List {
  readonly count: number;
  readonly rowHeight: number;
  readonly viewHeight: number;
}

export const computeScrollHeight = ({ count, rowHeight }: Pick<List, 'count' | 'rowHeight'>): number =>
  Math.min(maxSpace, count * rowHeight);

/** Row pixels per scroll bar pixel. */
function scaleOf(list: List): number {
  const space = computeScrollHeight(list) - list.viewHeight;
  return space <= 0 ? 1 : Math.max(1, (list.count * list.rowHeight - list.viewHeight) / space);
}

/** Offset, in unscaled pixels, at the top of the view. */
export const computeRowsTop = (list: List, scrollTop: number): number => scrollTop * scaleOf(list);

export const computeScrollTop = (list: List, rowsTop: number): number => rowsTop / scaleOf(list);
