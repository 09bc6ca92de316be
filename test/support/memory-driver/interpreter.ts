import { AppError } from '../../../src/core/errors/errors.ts';
import { builtins } from './builtins.ts';
import { type CommandContext, Exit } from './command-context.ts';

/** A word or an operator of a command line, with quotes removed and variables expanded as in bash. */
type Token = { readonly kind: 'word' | 'operator'; readonly text: string };
type Rule = readonly [pattern: RegExp, apply: (found: readonly string[]) => void];

/** Undefined: a quote is not closed. */
function tokenize(line: string, variable: (name: string) => string): Token[] | undefined {
  const tokens: Token[] = [];
  let word: string | undefined;
  const add = (text: string) => {
    word = (word ?? '') + text;
  };
  const flush = () => {
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    word = undefined;
  };
  const expand = (text: string) =>
    text.replace(/\$(?:\{(\w+|\?)\}|(\w+|\?))/g, (_, braced, plain) => variable(braced ?? plain));
  const rules: readonly Rule[] = [
    [/^[ \t]+/, flush],
    [/^'([^']*)'/, ([, text = '']) => add(text)],
    [/^"((?:[^"\\]|\\.)*)"/s, ([, text = '']) => add(expand(text).replace(/\\(["\\$`])/g, '$1'))],
    [/^\\(.)/s, ([, text = '']) => add(text)],
    [
      /^(?:2>&1|&&|\|\||>>|[;&|><\n])/,
      ([text = '']) => {
        flush();
        tokens.push({ kind: 'operator', text });
      },
    ],
    [/^[^\s'"\\;&|><]+/, ([text = '']) => add(expand(text))],
  ];

  let rest = line;
  while (rest !== '') {
    if (word === undefined) rest = rest.replace(/^#[^\n]*/, '');
    const rule = rules.find(([pattern]) => pattern.test(rest));
    const found = rule?.[0].exec(rest);
    if (!rule || !found) {
      if (rest === '') break;
      return undefined;
    }
    rule[1](found);
    rest = rest.slice(found[0].length);
  }
  flush();
  return tokens;
}

/** Runs a command line in a tiny subset of bash; resolves with its exit code. */
export async function interpret(command: string, around: CommandContext): Promise<number> {
  try {
    return await script(command, around);
  } catch (thrown) {
    if (thrown instanceof Exit) return thrown.code;
    throw thrown;
  }
}

async function script(command: string, around: CommandContext): Promise<number> {
  let last = 0;
  const commands = commandsOf(command);
  if (!commands) {
    await around.err('bash: -c: line 1: unexpected EOF while looking for matching quote\n');
    return 2;
  }
  let join = ';';
  for (const { words, operator } of commands) {
    if (words.length > 0 && (join === ';' || (join === '&&') === (last === 0))) {
      const tokens = words.map((token) => ({ ...token, text: expand(token.text, around, last) }));
      if (operator === '&') {
        around.background(tokens.map((token) => token.text).join(' '), (alone) => simple(tokens, alone));
        last = 0;
      } else last = await simple(tokens, around);
    }
    join = operator === '&&' || operator === '||' ? operator : ';';
  }
  return last;
}

type Commands = readonly { readonly words: readonly Token[]; readonly operator: string }[];
const known = new Map<string, Commands>();

/** Undefined: a quote is not closed. Variables are expanded when a command runs. */
function commandsOf(script: string): Commands | undefined {
  const before = known.get(script);
  if (before) return before;
  const shape = tokenize(script, (name) => `\uE000${name}\uE001`);
  if (!shape) return undefined;
  if (known.size === 100) known.clear(); // benchmarks and tests repeat a few scripts
  const commands = split(shape);
  known.set(script, commands);
  return commands;
}

const expand = (text: string, around: CommandContext, last: number) =>
  text.replace(/\uE000(\w+|\?)\uE001/g, (_, name) => (name === '?' ? String(last) : (around.env[name] ?? '')));

function split(tokens: readonly Token[]): { words: Token[]; operator: string }[] {
  const commands: { words: Token[]; operator: string }[] = [];
  let words: Token[] = [];
  for (const token of tokens) {
    if (token.kind === 'operator' && ['&&', '||', ';', '&', '\n'].includes(token.text)) {
      commands.push({ words, operator: token.text });
      words = [];
    } else words.push(token);
  }
  return [...commands, { words, operator: ';' }];
}

/** Runs one command with its redirections. */
async function simple(tokens: readonly Token[], around: CommandContext): Promise<number> {
  const words: string[] = [];
  let target: { path: string; append: boolean } | undefined;
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token?.kind === 'word') words.push(token.text);
    else if (token?.text === '>' || token?.text === '>>') {
      target = { path: tokens[++at]?.text ?? '', append: token.text === '>>' };
    } else if (token?.text !== '2>&1') {
      await around.err(`corral: the memory sandbox does not know "${token?.text}"\n`);
      return 2;
    }
  }
  while (/^(nohup|setsid|exec)$/.test(words[0] ?? '')) words.shift();
  const assignment = /^(\w+)=(.*)$/s.exec(words[0] ?? '');
  if (assignment && words.length === 1) {
    around.env[assignment[1] ?? ''] = assignment[2] ?? '';
    return 0;
  }
  const [name = 'true', ...args] = words;
  const builtin = builtins[name];
  if (!builtin) {
    await around.err(`bash: line 1: ${name}: command not found\n`);
    return 127;
  }
  try {
    if (!target) return await builtin(args, around);
    if (target.path === '/dev/null')
      return await builtin(
        args,
        redirected(around, () => {}),
      );
    const full = around.files.locate(target.path, around.cwd);
    if (!target.append) around.files.write(full, Buffer.alloc(0));
    const out = (bytes: Uint8Array) => around.files.append(full, Buffer.from(bytes));
    return await builtin(args, redirected(around, out));
  } catch (thrown) {
    if (!(thrown instanceof AppError)) throw thrown;
    await around.err(`${name}: ${thrown.publicMessage}\n`);
    return 1;
  }
}

/** The same command context with another output. Everything else is shared, so a `cd` changes both. */
const redirected = (around: CommandContext, out: CommandContext['out']): CommandContext =>
  Object.create(around, {
    out: { value: out },
    cwd: { get: () => around.cwd, set: (value: string) => Object.assign(around, { cwd: value }) },
  });
