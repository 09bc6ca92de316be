import { jsonOrNothing } from '../../../core/text.ts';
import type { CodeResult } from '../../../session/api/code.ts';

const names: Readonly<Record<string, string>> = {
  ...{ 'text/plain': 'text', 'text/html': 'html', 'text/markdown': 'markdown', 'image/svg+xml': 'svg' },
  ...{ 'image/png': 'png', 'image/jpeg': 'jpeg', 'application/pdf': 'pdf', 'text/latex': 'latex' },
  ...{ 'application/json': 'json', 'application/javascript': 'javascript' },
  ...{ 'application/vnd.corral.data+json': 'data', 'application/vnd.corral.chart+json': 'chart' },
};
const structured = new Set(['json', 'data', 'chart']);

/** One result on the wire: each form of the value under its name, the rest as `extra`. */
export function resultOf({ isMain, data }: CodeResult): object {
  const result: Record<string, unknown> = { type: 'result', is_main_result: isMain };
  const extra: Record<string, string> = {};
  for (const [mime, value] of Object.entries(data)) {
    const name = Object.hasOwn(names, mime) ? names[mime] : undefined;
    if (name === undefined) extra[mime] = value;
    else result[name] = structured.has(name) ? jsonOrNothing(value) : value;
  }
  if (typeof result.text === 'string') result.text = unquoted(result.text);
  return { ...result, ...(Object.keys(extra).length > 0 && { extra }) };
}

const unquoted = (text: string) => /^(['"])(.*)\1$/s.exec(text)?.[2] ?? text;
