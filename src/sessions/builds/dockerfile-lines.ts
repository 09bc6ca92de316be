import { AppError } from '../../core/errors/errors.ts';
import { parseJsonWithinLimits } from '../../core/text/json.ts';

interface Heredoc {
  readonly name: string;
  /** `<<-` removes leading tabs from the here-document's lines. */
  readonly isIndented: boolean;
  readonly lines: readonly string[];
}
export interface DockerfileInstruction {
  /** Starts at 1. */
  readonly line: number;
  readonly keyword: string;
  readonly flags: readonly { readonly name: string; readonly value: string }[];
  readonly rest: string;
  /** Words of the JSON form `["a", "b"]`. Undefined for any other form. */
  readonly json: readonly string[] | undefined;
  readonly heredocs: readonly Heredoc[];
}
export interface ParsedDockerfile {
  readonly instructions: readonly DockerfileInstruction[];
  /** `\` or a backtick. Continues lines and escapes characters. */
  readonly escapeSign: string;
}

const withFlags = new Set(['FROM', 'RUN', 'COPY', 'ADD', 'HEALTHCHECK']);
const withHeredocs = new Set(['RUN', 'COPY', 'ADD']);
const withJson = new Set(['RUN', 'COPY', 'ADD', 'SHELL', 'CMD', 'ENTRYPOINT', 'VOLUME']);
const heredocMark = /(?:^|\s)\d*<<(-?)(["']?)([A-Za-z_][A-Za-z0-9_]*)\2(?=$|[\s;&|>)])/g;

export const createDockerfileError = (line: number, message: string): AppError =>
  new AppError('invalid_request', `Line ${line} of the Dockerfile: ${message}`);

/** Throws invalid_request with the line number. */
export function parseDockerfileInstructions(text: string): ParsedDockerfile {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const escapeSign = parseEscape(lines);
  const instructions: DockerfileInstruction[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = at + 1;
    let last = lines[at++] as string;
    if (isEmpty(last)) continue;
    const heads: string[] = [];
    for (let head = continued(last, escapeSign); head !== undefined; head = continued(last, escapeSign)) {
      // comments and empty lines do not end an instruction
      while (at < lines.length && isEmpty(lines[at] as string)) at++;
      heads.push(head);
      last = lines[at++] ?? '';
    }
    const { keyword, flags, rest } = parseParts([...heads, last].join('').trim(), line);
    const heredocs: Heredoc[] = [];
    for (const [, dash, , name = ''] of withHeredocs.has(keyword) ? rest.matchAll(heredocMark) : []) {
      const isIndented = dash === '-';
      const own: string[] = [];
      for (;;) {
        const next = lines[at++];
        if (next === undefined)
          throw createDockerfileError(line, `the text of <<${name} does not end. Write ${name} on a line of its own.`);
        if ((isIndented ? next.replace(/^\t+/, '') : next) === name) break;
        own.push(next);
      }
      heredocs.push({ name, isIndented, lines: own });
    }
    const json = withJson.has(keyword) ? parseList(rest) : undefined;
    instructions.push({ line, keyword, flags, rest, json, heredocs });
  }
  return { instructions, escapeSign };
}

const isEmpty = (line: string) => /^\s*(#|$)/.test(line);

function continued(line: string, escapeSign: string): string | undefined {
  const text = line.trimEnd();
  return text.endsWith(escapeSign) ? text.slice(0, -1) : undefined;
}

function parseEscape(lines: readonly string[]): string {
  for (const line of lines) {
    const [, name = '', value = ''] = /^#\s*([A-Za-z]+)\s*=(.*)$/.exec(line) ?? [];
    if (value.trim() === '') break;
    if (name.toLowerCase() === 'escape' && value.trim() === '`') return '`';
  }
  return '\\';
}

function parseParts(text: string, line: number): Pick<DockerfileInstruction, 'keyword' | 'flags' | 'rest'> {
  const [word = ''] = /^\S+/.exec(text) ?? [];
  const keyword = word.toUpperCase();
  if (!/^[A-Z]{1,40}$/.test(keyword)) throw createDockerfileError(line, `${word.slice(0, 100)} is no instruction.`);
  const flags: { name: string; value: string }[] = [];
  let rest = text.slice(word.length).trimStart();
  while (withFlags.has(keyword)) {
    const [whole, name = '', value = ''] = /^--([a-z-]+)(?:=(\S*))?(?:\s+|$)/.exec(rest) ?? [];
    if (whole === undefined) break;
    flags.push({ name, value });
    rest = rest.slice(whole.length);
  }
  return { keyword, flags, rest };
}

function parseList(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  // Without a valid list, Docker treats the text as a shell command.
  const found = parseJsonWithinLimits(text, { maxBytes: 65_536, maxDepth: 1, maxValues: 1_000 });
  return Array.isArray(found) && found.every((word) => typeof word === 'string') ? found : undefined;
}
