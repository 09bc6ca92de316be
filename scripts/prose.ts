/** `isFirst`: the sentence begins its comment or paragraph. */
export interface Sentence {
  readonly line: number;
  readonly text: string;
  readonly isFirst: boolean;
}
/** Texts of errors and log lines, if written as literals where they are thrown or logged. */
export function extractMessages(source: string): { readonly line: number; readonly text: string }[] {
  return [...source.matchAll(message)].map((match) => ({
    line: source.slice(0, match.index).split('\n').length,
    text: (match[1] ?? match[2] ?? match[3] ?? '').replaceAll(/\$\{[^}]*\}/g, 'CODE'),
  }));
}
const message =
  /(?:new AppError\(\s*'\w+',\s*|logger\.(?:error|warn|info)\([^'"`;]*?)(?:`([^`]*)`|'([^'\n]*)'|"([^"\n]*)")/g;

interface Block {
  readonly line: number;
  readonly text: string;
}

export function extractSentences(file: string, source: string): Sentence[] {
  const blocks = file.endsWith('.md') ? paragraphs(source) : file.endsWith('.yaml') ? hashes(source) : comments(source);
  return blocks.flatMap(({ line, text }) =>
    sentences(text).map((sentence, at) => ({ line, text: sentence, isFirst: at === 0 })),
  );
}

const sentences = (text: string): string[] =>
  text
    .replaceAll(/`[^`]*`/g, 'CODE')
    .replaceAll(/\b(e\.g|i\.e|etc|vs)\./g, '$1')
    .split(/(?<=[.!?])\s+(?=[A-Z`"'(]|- )/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '');

/**
 * Joins consecutive comment lines. A comment must follow a space or a line start, because a `//` in a string is not a
 * comment.
 */
function comments(source: string): Block[] {
  const blocks: { line: number; end: number; text: string }[] = [];
  let isDoc = false;
  let isExample = false;
  for (const [index, value] of source.split('\n').entries()) {
    const line = index + 1;
    let text: string | undefined;
    if (isDoc || /^\s*\/\*\*/.test(value)) {
      const isNew = !isDoc;
      isDoc = !value.includes('*/');
      isExample = !isNew && (isExample || /^\s*\*\s*@example/.test(value));
      if (isExample) continue; // code
      text = value
        .replace(/^\s*\/\*\*\s?/, '')
        .replace(/\*\/.*$/, '')
        .replace(/^\s*\*\s?/, '')
        .trim();
      if (isNew) {
        blocks.push({ line, end: line, text });
        continue;
      }
    } else {
      text = /(?:^|[\s;{},(])\/\/ (.*)$/.exec(value)?.[1]?.trim();
      if (text === undefined || /^(biome-ignore|@ts-|eslint)/.test(text)) continue;
      const isWhole = /^\s*\/\//.test(value);
      const last = blocks.at(-1);
      if (!isWhole || !last || last.end !== line - 1) {
        blocks.push({ line, end: isWhole ? line : -1, text });
        continue;
      }
    }
    const last = blocks.at(-1);
    if (last) Object.assign(last, { end: line, text: `${last.text} ${text}`.trim() });
  }
  return blocks;
}

function hashes(source: string): Block[] {
  return source.split('\n').flatMap((value, index) => {
    const text = /(?:^|\s)# (.*)$/.exec(value)?.[1];
    return text === undefined ? [] : [{ line: index + 1, text }];
  });
}

function paragraphs(source: string): Block[] {
  const blocks: { line: number; text: string }[] = [];
  let isCode = false;
  let isOpen = false;
  source.split('\n').forEach((value, index) => {
    if (/^\s*```/.test(value)) isCode = !isCode;
    const isProse = !isCode && !/^(\s*```| {4}|\t|#|\|)/.test(value) && value.trim() !== '';
    if (!isProse) {
      isOpen = false;
      return;
    }
    const text = value.replace(/^\s*([-*]|\d+\.) /, '').trim();
    const isItem = /^\s*([-*]|\d+\.) /.test(value);
    const last = blocks.at(-1);
    if (isOpen && !isItem && last) last.text += ` ${text}`;
    else blocks.push({ line: index + 1, text });
    isOpen = true;
  });
  return blocks;
}
