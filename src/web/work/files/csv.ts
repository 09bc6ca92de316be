/** Maximum number of cells in a table. Limited because the text comes from a sandbox. Available libraries limit only rows. */
export const maxCsvCells = 20_000;

/**
 * Parses CSV (RFC 4180): quoted fields can contain separators, line breaks and doubled quotes. Stops at `maxRows` rows or
 * `maxCsvCells` cells.
 */
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
