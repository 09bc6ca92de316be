import { countLineCells, padLineToCells } from '../core/text/terminal/cells.ts';
import { toOneLine } from './io.ts';

const maxPadding = 40;
const isPresent = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  value !== '' &&
  value !== false &&
  !(Array.isArray(value) && value.length === 0);

function valueAt(row: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => {
    if (Array.isArray(at) && key !== 'length') return at.map((one) => one?.[key]);
    return (at as Readonly<Record<string, unknown>> | null | undefined)?.[key];
  }, row);
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(',');
  if (typeof value === 'number') return String(Number.isInteger(value) ? value : value.toFixed(4));
  const text = toOneLine(String(value), 100);
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(text) ? text.slice(0, 19).replace('T', ' ') : text;
}

function fill(template: string, row: object): string | undefined {
  let isWhole = true;
  const text = template.replaceAll(/\{([?+]?)([\w.]+)\}/g, (_, mark: string, path: string) => {
    const value = valueAt(row, path);
    if (!isPresent(value) || (mark === '+' && !(Number(value) > 0))) isWhole = false;
    return mark === '?' || !isWhole ? '' : textOf(value);
  });
  return isWhole ? text : undefined;
}

function formatCell(column: string, row: object): string {
  for (const choice of column.split(' | ')) {
    const parts = choice.split(/\[([^[\]]*)\]/).map((part, n) => fill(part, row) ?? (n % 2 === 1 ? '' : undefined));
    if (!parts.includes(undefined)) return parts.join('');
  }
  return '';
}

/**
 * The rows of a table. A column is a text with fields: `{name}`, `{+used}` (above 0), `{?deleted}` (present, not
 * shown). A part in brackets is left out if one of its fields is missing; ` | ` separates alternatives.
 *
 * @example
 * formatTable([{ id: 'p1', size: 4 }], ['{id}', '{?deleted}deleted | {size} bytes']); // ['p1  4 bytes']
 */
export function formatTable(rows: readonly object[], columns: readonly string[]): string[] {
  const cells = rows.map((row) => columns.map((column) => formatCell(column, row)));
  const shown = columns.flatMap((_, n) => {
    const texts = cells.map((row) => row[n] ?? '');
    const width = Math.min(maxPadding, Math.max(0, ...texts.map(countLineCells)));
    return width === 0 ? [] : [{ n, width, isNumber: texts.every((text) => /^[\d.]*$/.test(text)) }];
  });
  return cells.map((row) => {
    const line = shown.map(({ n, width, isNumber }) => {
      const text = row[n] ?? '';
      return isNumber ? text.padStart(width) : padLineToCells(text, width);
    });
    return line.join('  ').trimEnd();
  });
}
