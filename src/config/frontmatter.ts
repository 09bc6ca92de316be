import { joinLines } from '../core/text/text.ts';
import { parseYaml } from './yaml-file.ts';

interface Frontmatter {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly unread: readonly { readonly field: string; readonly why: string }[];
}

/**
 * Like Claude Code, takes a field in `texts` literally if YAML rejects it or parses it as another type. Returns the
 * reason if the document is unreadable.
 */
export function parseFrontmatter(text: string, texts: readonly string[]): Frontmatter | string {
  const lines = text
    .replace(/^\ufeff/, '')
    .trimStart()
    .split(/\r\n|\n|\r/);
  if (lines[0]?.trimEnd() !== '---') return { fields: {}, body: text, unread: [] };
  const end = lines.findIndex((line, at) => at > 0 && line.trimEnd() === '---');
  if (end < 0) return 'The line --- that ends its fields is missing.';
  const body = lines.slice(end + 1).join('\n');
  const own = lines.slice(1, end);
  if (Buffer.byteLength(own.join('\n')) > maxBytes) return `Its fields are larger than ${maxBytes / 1024} KiB.`;
  const blocks = parseBlocks(own);
  if (blocks.length > maxFields) return `It has more than ${maxFields} fields.`;
  const read = blocks.map((block) => ({ block, value: readBlock(block, texts.includes(block.field)) }));
  return {
    body,
    fields: Object.fromEntries(read.flatMap(({ block, value }) => ('ok' in value ? [[block.field, value.ok]] : []))),
    unread: read.flatMap(({ block, value }) => ('why' in value ? [{ field: block.field, why: value.why }] : [])),
  };
}

const maxBytes = 64 * 1024;
const maxFields = 100;
interface Block {
  readonly field: string;
  readonly lines: readonly string[];
}

/** Splits lines into blocks, each from an unindented `name:` to the next one. */
function parseBlocks(lines: readonly string[]): Block[] {
  const blocks: { field: string; lines: string[] }[] = [];
  for (const line of lines) {
    const [, field] = /^["']?([\w.-]+)["']?[ \t]*:(?:[ \t]|$)/.exec(line) ?? [];
    const before = blocks.at(-1);
    if (field !== undefined) blocks.push({ field, lines: [line] });
    else if (before) before.lines.push(line);
    else if (line.trim() !== '' && !line.startsWith('#'))
      blocks.push({ field: line.trim().slice(0, 40), lines: [line] });
  }
  return blocks;
}

function readBlock({ field, lines }: Block, isText: boolean): { readonly ok: unknown } | { readonly why: string } {
  const raw = lines
    .join('\n')
    .replace(/^[^:]*:/, '')
    .trim();
  // starts like YAML syntax, but the author meant plain text
  if (isText && /^[!&*%@`|>]/.test(raw) && isPlain(raw)) return { ok: raw };
  try {
    const read = parseYaml(lines.join('\n').replaceAll('\t', '  '), { schema: 'core' });
    const value = typeof read === 'object' && read !== null ? Object.values(read)[0] : undefined;
    if (value !== undefined && !(isText && value !== null && typeof value !== 'string'))
      return { ok: value ?? undefined };
  } catch (thrown) {
    if (!isText && !isPlain(raw)) return { why: String((thrown as Error).message).split(' at line ')[0] ?? '' };
  }
  if (isText || isPlain(raw)) return { ok: joinLines(raw) };
  return { why: `${field} is no field with a value` };
}

const isPlain = (raw: string) => raw !== '' && !raw.includes('\n');
