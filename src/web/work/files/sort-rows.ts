type Rows = readonly (readonly string[])[];
export interface SortOrder {
  readonly column: number;
  readonly way: 'ascending' | 'descending';
}

/** Order after a click on a column header: ascending, descending, and as in the file. */
export function toggleSortOrder(order: SortOrder | undefined, column: number): SortOrder | undefined {
  if (order?.column !== column) return { column, way: 'ascending' };
  return order.way === 'ascending' ? { column, way: 'descending' } : undefined;
}

/** Sorts numbers by value. Ascending, numbers come before texts. Empty cells are last in both directions. */
export function sortRows(rows: Rows, { column, way }: SortOrder): Rows {
  const sign = way === 'ascending' ? 1 : -1;
  const texts = new Intl.Collator(undefined, { numeric: true });
  const keyed = rows.map((row) => {
    const text = row[column]?.trim() ?? '';
    return { row, text, number: text === '' ? Number.NaN : Number(text) };
  });
  keyed.sort((a, b) => {
    if (a.text === '' || b.text === '') return Number(a.text === '') - Number(b.text === '');
    const [isA, isB] = [!Number.isNaN(a.number), !Number.isNaN(b.number)];
    if (isA !== isB) return sign * (isA ? -1 : 1);
    return sign * (isA ? a.number - b.number : texts.compare(a.text, b.text));
  });
  return keyed.map(({ row }) => row);
}
