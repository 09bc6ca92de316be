import { toCharacterBoundary } from './bounded-text.ts';

// Existing libraries produce HTML or have no limits. Patterns are strings, because linters report control characters in
// literals.
const maxRow = 200; // characters; a longer line continues in the next row
const maxSpans = 300; // per line; text after the last span is not colored
const esc = '\\u001b';
const colours = new RegExp(`${esc}\\[([0-9;:]*)m`, 'g');
const sequences = new RegExp(
  [
    `${esc}\\[(?![0-9;:]*m)[0-?]*[ -/]*[@-~]`, // cursor movements, but not colors
    `${esc}\\][^\\u0007\\u001b]*(?:\\u0007|${esc}\\\\)?`, // titles, links
    `${esc}[PX^_][^\\u001b]*(?:${esc}\\\\)?`,
    `${esc}\\[(?![0-9;:]*m)`, // a truncated sequence
    `${esc}(?!\\[)[ -/]*[0-~]`,
  ].join('|'),
  'g',
);
const anyColour = new RegExp(`${esc}\\[[0-9;:]*m`, 'g');
const controls = new RegExp(`[\\p{Cc}--[\\n\\t${esc}]]`, 'gv');
const allControls = /[\p{Cc}--[\n\t]]/gv;

export interface AnsiSpan {
  readonly text: string;
  /** CSS class names, such as `ansi-bold ansi-dim`. */
  readonly class: string;
  readonly color?: string;
  readonly background?: string;
}

/** Ignores cursor moves, and keeps only the last state of an overwritten line. */
function settled(text: string): string {
  const lasting = text.replace(sequences, '');
  const last = lasting.includes('\r') ? lasting.split('\n').map(lastState).join('\n') : lasting;
  return last.replace(controls, '');
}

/** A regular expression that finds carriage returns would take quadratic time. */
function lastState(line: string): string {
  let end = line.length;
  while (line[end - 1] === '\r') end--;
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
}

export const stripAnsi = (text: string): string => settled(text).replace(anyColour, '').replace(allControls, '');

interface Style extends Partial<Record<'bold' | 'dim' | 'italic' | 'underline', boolean>> {
  fg?: string | undefined;
  bg?: string | undefined;
}

// The 16 terminal colors, adapted to the console's background.
const foregrounds = [
  ...['#7a7068', '#f28b82', '#8fce9f', '#e8c06a', '#8fb8f0', '#d99ad0', '#7fcfd0', '#ece5dc'],
  ...['#a0968a', '#ffb0a8', '#aee6bb', '#ffd98a', '#b5d3ff', '#f0bce8', '#a8ecec', '#ffffff'],
];
const backgrounds = [
  ...['#3a332c', '#8c2b24', '#2c6b3f', '#7a5a12', '#274f8a', '#6e2f66', '#1f6668', '#cfc4b5'],
  ...['#5a5048', '#b5453c', '#3d8a55', '#9a7420', '#3a6bb0', '#8f4585', '#2f8587', '#ffffff'],
];

const flags: Readonly<Record<number, Style>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  39: { fg: undefined },
  49: { bg: undefined },
};

function applied(style: Style, codes: readonly number[]): Style {
  let created = style;
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0;
    if (code === 0) created = {};
    else if (code in flags) created = { ...created, ...flags[code] };
    else if (code >= 30 && code <= 37) created = { ...created, fg: foregrounds[code - 30] };
    else if (code >= 90 && code <= 97) created = { ...created, fg: foregrounds[code - 82] };
    else if (code >= 40 && code <= 47) created = { ...created, bg: backgrounds[code - 40] };
    else if (code >= 100 && code <= 107) created = { ...created, bg: backgrounds[code - 92] };
    else if (code === 38 || code === 48) {
      const isIndex = codes[at + 1] === 5;
      const [name, known] = code === 38 ? (['fg', foregrounds] as const) : (['bg', backgrounds] as const);
      const index = codes[at + 2] ?? 0;
      const value = isIndex ? (known[index] ?? indexed(index)) : rgb(codes.slice(at + 2, at + 5));
      created = { ...created, [name]: value };
      at += isIndex ? 2 : 4;
    }
  }
  return created;
}

const rgb = (parts: readonly number[]): string => `rgb(${parts.map((part) => Math.min(255, part)).join(' ')})`;

function indexed(index: number): string {
  if (index >= 232) return rgb(Array<number>(3).fill((index - 232) * 10 + 8));
  const cube = index - 16;
  const level = (value: number) => (value === 0 ? 0 : value * 40 + 55);
  return rgb([level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)]);
}

function spanOf(text: string, { fg, bg, ...rest }: Style): AnsiSpan {
  const names = Object.entries(rest).flatMap(([name, on]) => (on ? [`ansi-${name}`] : []));
  return { text, class: names.join(' '), ...(fg && { color: fg }), ...(bg && { background: bg }) };
}

export function parseAnsiRows(text: string, width = maxRow): AnsiSpan[][] {
  const rows: AnsiSpan[][] = [];
  let style: Style = {};
  for (const line of settled(text).split('\n')) {
    if (!line.includes('\u001b')) {
      pushRows(rows, line === '' ? [] : [spanOf(line, style)], width);
      continue;
    }
    const spans: AnsiSpan[] = [];
    let from = 0;
    const push = (to: number) => {
      const part = line.slice(from, to).replace(anyColour, '').replace(allControls, '');
      if (part !== '') spans.push(spanOf(part, style));
    };
    for (const found of line.matchAll(colours)) {
      if (spans.length >= maxSpans) break;
      push(found.index);
      from = found.index + found[0].length;
      style = applied(style, (found[1] ?? '').split(/[;:]/).map(Number));
    }
    push(line.length);
    pushRows(rows, spans, width);
  }
  return rows;
}

function pushRows(rows: AnsiSpan[][], spans: readonly AnsiSpan[], width: number): void {
  let row: AnsiSpan[] = [];
  let room = width;
  rows.push(row);
  for (const span of spans) {
    let { text } = span;
    while (text.length > room) {
      const wordEnd = text.lastIndexOf(' ', room - 1) + 1;
      const cut = wordEnd > 0 ? wordEnd : toCharacterBoundary(text, room);
      if (cut > 0) row.push({ ...span, text: text.slice(0, cut) });
      text = text.slice(cut);
      row = [];
      rows.push(row);
      room = width;
    }
    row.push({ ...span, text });
    room -= text.length;
  }
}
