type Cell = string | number | null;

/**
 * A table as CSV (RFC 4180). Text that a spreadsheet would run as a formula is prefixed with an apostrophe.
 *
 * @example
 * toCsv([['name', 'turns'], ['=1+1', 2]]); // 'name,turns\r\n\'=1+1,2\r\n'
 */
export const toCsv = (rows: readonly (readonly Cell[])[]): string =>
  rows.map((row) => `${row.map(toCell).join(',')}\r\n`).join('');

function toCell(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = /^[\s\p{Cc}]*[=+\-@|%＝＋－＠]/u.test(cell) || /^[\t\r\n]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n;\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
