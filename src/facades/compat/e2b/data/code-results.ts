import { parseJson } from '../../../../core/text/json.ts';
import type { CodeResult } from '../../../../sessions/api/code.ts';

const names: Readonly<Record<string, string>> = {
  'text/plain': 'text',
  'text/html': 'html',
  'text/markdown': 'markdown',
  'image/svg+xml': 'svg',
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'application/pdf': 'pdf',
  'text/latex': 'latex',
  'application/json': 'json',
  'application/javascript': 'javascript',
  'application/vnd.corral.data+json': 'data',
  'application/vnd.corral.chart+json': 'chart',
};
const structured = new Set(['json', 'data', 'chart']);

const limits = { maxBytes: 16 * 1024 * 1024, maxDepth: 64, maxValues: 200_000 };
/** A client can read a result only as JSON that is not too complex. */
const isJson = (text: string): boolean => parseJson(text, limits).ok;

/**
 * One result as a line of the wire: each form of the value under its name, the rest as `extra`. JSON of the kernel goes on as
 * it is written, because a number that is read here would lose that it is a float, or its last digits.
 */
export function resultLine({ isMain, data }: CodeResult): string {
  const fields = [`"type":"result","is_main_result":${isMain}`];
  const extra: Record<string, string> = {};
  for (const [mime, value] of Object.entries(data)) {
    const name = Object.hasOwn(names, mime) ? names[mime] : undefined;
    if (name === undefined) extra[mime] = value;
    else if (!structured.has(name))
      fields.push(`"${name}":${JSON.stringify(name === 'text' ? unquoted(value) : value)}`);
    else if (isJson(value)) fields.push(`"${name}":${value.replaceAll(/[\r\n]/g, ' ')}`);
  }
  if (Object.keys(extra).length > 0) fields.push(`"extra":${JSON.stringify(extra)}`);
  return `{${fields.join(',')}}`;
}

const unquoted = (text: string) => /^(['"])(.*)\1$/s.exec(text)?.[2] ?? text;
