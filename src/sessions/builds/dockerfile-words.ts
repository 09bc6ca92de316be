import { createDockerfileError } from './dockerfile-lines.ts';

/** `${NAME}`: an image variable, known only during the build. `$$`: a dollar sign. */
export type UnexpandedText = string;

export interface VariableScope {
  readonly line: number;
  readonly escapeSign: string;
  /** Characters that expansion may still produce. Without a limit, nested variables could double the text per line. */
  readonly budget: { left: number };
  readonly valueOf: (name: string) => UnexpandedText | undefined;
}

const maxDepth = 8;
const maxText = 65_536;

export const escapeDollarSigns = (text: string): UnexpandedText => text.replaceAll('$', '$$$$');

export const expandImageVariables = (text: UnexpandedText, imageValue: (name: string) => string): string =>
  text.replace(/\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\})/g, (_, name?: string) =>
    name === undefined ? '$' : imageValue(name),
  );

/** Throws invalid_request if the text refers to an image variable. */
export function toLiteralText(text: UnexpandedText, line: number): string {
  return expandImageVariables(text, (name) => {
    const advice = `Set it with ARG or ENV first; variables of the image are available only in ENV.`;
    throw createDockerfileError(line, `nothing sets the variable ${name}. ${advice}`);
  });
}

/** Removes quotes and expands variables. Throws: invalid_request. */
export function parseDockerfileWords(text: string, scope: VariableScope): UnexpandedText[] {
  const words: UnexpandedText[] = [];
  const reader = { text, at: 0 };
  while (reader.at < text.length) {
    if (/\s/.test(text[reader.at] as string)) reader.at++;
    else words.push(readWord(reader, scope, { ends: /\s/, depth: 0 }));
  }
  return words;
}

export const expandDockerfileWord = (text: string, scope: VariableScope): UnexpandedText =>
  readWord({ text, at: 0 }, scope, { ends: undefined, depth: 0 });

interface Reader {
  readonly text: string;
  at: number;
}
interface WordEnd {
  readonly ends: RegExp | undefined;
  readonly depth: number;
}

function readWord(reader: Reader, scope: VariableScope, { ends, depth }: WordEnd): UnexpandedText {
  const { text } = reader;
  const { line, escapeSign } = scope;
  if (depth > maxDepth) throw createDockerfileError(line, 'its variables are nested too deeply.');
  let word = '';
  let quote = '';
  while (reader.at < text.length) {
    const sign = text[reader.at] as string;
    if (quote === '' && ends?.test(sign)) break;
    reader.at++;
    if (sign === quote) quote = '';
    else if (quote === '' && (sign === '"' || sign === "'")) quote = sign;
    else if (sign === escapeSign && quote !== "'") word += escaped(reader, { quote, escapeSign });
    else if (sign === '$' && quote !== "'") word += readVariable(reader, scope, depth);
    else word += sign === '$' ? '$$' : sign;
    if (word.length > maxText)
      throw createDockerfileError(line, `it is longer than ${maxText} characters once its variables are expanded.`);
  }
  if (quote !== '') throw createDockerfileError(line, `the quote ${quote} is not closed.`);
  return word;
}

function escaped(
  reader: Reader,
  { quote, escapeSign }: { readonly quote: string; readonly escapeSign: string },
): UnexpandedText {
  const next = reader.text[reader.at];
  if (next === undefined) return escapeSign;
  // Between double quotes, only these characters can be escaped.
  if (quote === '"' && next !== '"' && next !== '$' && next !== escapeSign) return escapeSign;
  reader.at++;
  return next === '$' ? '$$' : next;
}

function readVariable(reader: Reader, scope: VariableScope, depth: number): UnexpandedText {
  const { text } = reader;
  const isBraced = text[reader.at] === '{';
  const from = reader.at + (isBraced ? 1 : 0);
  const [name = ''] = /^[A-Za-z_][A-Za-z0-9_]*/.exec(text.slice(from, from + 256)) ?? [];
  if (!isBraced && name === '') return '$$';
  reader.at = from + name.length;
  const value = scope.valueOf(name);
  scope.budget.left -= value?.length ?? 0;
  if (scope.budget.left < 0)
    throw createDockerfileError(scope.line, 'the values of the variables are too long in total.');
  const open = value ?? `\${${name}}`;
  if (!isBraced) return open;
  const unsupported = () =>
    createDockerfileError(scope.line, `\${${name}…} can be \${x}, \${x:-other} or \${x:+other}, nothing else.`);
  if (name === '') throw unsupported();
  if (text[reader.at] === '}') {
    reader.at++;
    return open;
  }
  const [whole, colon, kind] = /^(:?)([-+])/.exec(text.slice(reader.at, reader.at + 2)) ?? [];
  if (whole === undefined) throw unsupported();
  reader.at += whole.length;
  const other = readWord(reader, scope, { ends: /\}/, depth: depth + 1 });
  if (text[reader.at] !== '}') throw unsupported();
  reader.at++;
  const isSet = value !== undefined && (colon === '' || value !== '');
  if (kind === '-') return isSet ? value : other;
  return isSet ? other : '';
}
