// Browsers cap the height of an element (Firefox at 17.9 million pixels), and a list of a million rows is higher. A
// very high list therefore gets a lower element, in which one pixel of the scroll bar represents more than one pixel of
// the rows.

const maxSpace = 8_000_000; // pixels

interface List {
  readonly count: number;
  readonly rowHeight: number;
  readonly viewHeight: number;
}

export const computeScrollSpace = ({ count, rowHeight }: Pick<List, 'count' | 'rowHeight'>): number =>
  Math.min(maxSpace, count * rowHeight);

/** The number of row pixels that one scroll bar pixel represents. */
function scaleOf(list: List): number {
  const space = computeScrollSpace(list) - list.viewHeight;
  return space <= 0 ? 1 : Math.max(1, (list.count * list.rowHeight - list.viewHeight) / space);
}

/** The row pixel at the top of the view. */
export const computeRowsTop = (list: List, scrollTop: number): number => scrollTop * scaleOf(list);

/** The scroll position that shows this row pixel at the top. */
export const scrollTopFor = (list: List, rowsTop: number): number => rowsTop / scaleOf(list);
