import { truncateLine } from '../../parts/bounded-text.ts';

// Subset of Jupyter's format, version 4, for viewing. Text alternatives replace HTML outputs.

export type NotebookOutput = { readonly picture: string } | { readonly text: string; readonly isError: boolean };
interface Cell {
  readonly kind: 'markdown' | 'code' | 'raw';
  readonly source: string;
  readonly outputs: readonly NotebookOutput[];
}
const mostOutput = 20_000; // characters
const pictures = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const;

export function parseNotebook(text: string) {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { cells, metadata } = object(found);
  if (!Array.isArray(cells)) return undefined;
  const { language_info, kernelspec } = object(metadata);
  const language = object(language_info).name ?? object(kernelspec).language;
  return { language: typeof language === 'string' ? language : 'python', cells: cells.map(cellOf) };
}

function cellOf(input: unknown): Cell {
  const { cell_type, source, outputs } = object(input);
  const kind = cell_type === 'markdown' || cell_type === 'code' ? cell_type : 'raw';
  return { kind, source: joined(source), outputs: Array.isArray(outputs) ? outputs.flatMap(parseOutput) : [] };
}

function parseOutput(input: unknown): NotebookOutput[] {
  const { output_type, text, data, traceback, name } = object(input);
  if (output_type === 'stream') return textOf(joined(text), name === 'stderr');
  if (output_type === 'error') return textOf(withoutColours(joined(traceback, '\n')), true);
  const forms = object(data);
  const type = pictures.find((one) => typeof forms[one] === 'string' || Array.isArray(forms[one]));
  if (type === undefined) return textOf(joined(forms['text/plain']), false);
  const base64 = joined(forms[type]).replace(/\s/g, '');
  return /^[A-Za-z0-9+/]+=*$/.test(base64) ? [{ picture: `data:${type};base64,${base64}` }] : [];
}

const textOf = (text: string, isError: boolean): NotebookOutput[] =>
  text === '' ? [] : [{ text: truncateLine(text, mostOutput), isError }];
const object = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const joined = (value: unknown, between = ''): string =>
  Array.isArray(value)
    ? value.filter((one) => typeof one === 'string').join(between)
    : typeof value === 'string'
      ? value
      : '';
// biome-ignore lint/suspicious/noControlCharactersInRegex: the colours of terminals begin with one
const withoutColours = (text: string) => text.replace(/\u001b\[[0-9;]*m/g, '');
