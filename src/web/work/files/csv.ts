/** Limits the cost of content from a sandbox. */
export const maxCsvCells = 20_000;

/** Parses CSV (RFC 4180). Stops at `maxRows` rows or `maxCsvCells` cells. */
export function parseCsv(text: string, separator = ',', maxRows = Number.POSITIVE_INFINITY): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  let cells = 0;
  let isQuoted = false;
  const endField = () => {
    row.push(field);
    cells++;
    field = '';
  };
  const endRow = () => {
    endField();
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  };
  for (
    let at = text.startsWith('\ufeff') ? 1 : 0;
    at < text.length && rows.length < maxRows && cells < maxCsvCells;
    at++
  ) {
    const sign = text[at] as string;
    if (isQuoted) {
      if (sign !== '"') field += sign;
      else if (text[at + 1] === '"') {
        field += '"';
        at++;
      } else isQuoted = false;
    } else if (sign === '"' && field === '') isQuoted = true;
    else if (sign === separator) endField();
    else if (sign === '\n') endRow();
    else if (sign !== '\r' || text[at + 1] !== '\n') field += sign;
  }
  if (rows.length < maxRows && (field !== '' || row.length > 0)) endRow();
  return rows;
}

type Rows = readonly (readonly string[])[];
export interface SortOrder {
  readonly column: number;
  readonly way: 'ascending' | 'descending';
}

export function toggleSortOrder(order: SortOrder | undefined, column: number): SortOrder | undefined {
  if (order?.column !== column) return { column, way: 'ascending' };
  return order.way === 'ascending' ? { column, way: 'descending' } : undefined;
}

/** Sorts numbers by value, before text if ascending and after it if descending. Empty cells are always last. */
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
