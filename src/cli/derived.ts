import type { Corral } from '../client/index.ts';
import { countLineCells, padLineToCells } from '../core/text/terminal/cells.ts';
import { type CliCommand, type CliCommandInput, exitCodes, jsonOption, UsageError } from './command.ts';
import { toOneLine } from './io.ts';
import { findBox } from './server.ts';

// `npm run check` writes derived.json from the operations in src/api.

export interface DerivedParameter {
  readonly usage: string;
  readonly about: string;
  readonly field: string;
  /** `each`: repeatable. `pairs`: repeatable, as name=value. */
  readonly kind: 'text' | 'number' | 'choice' | 'flag' | 'list' | 'each' | 'pairs';
  readonly values?: Readonly<Record<string, unknown>>;
  readonly isRequired?: boolean;
  readonly lookup?: 'item' | 'session';
}
export interface DerivedVerb {
  readonly name: string;
  readonly calls: string;
  readonly isQuery: boolean;
  readonly words: readonly DerivedParameter[];
  readonly options: readonly DerivedParameter[];
  /** See {@link formatTable}. Absent if the verb deletes the item. */
  readonly columns?: readonly string[];
  readonly note?: string;
}
export interface DerivedCommand {
  readonly name: string;
  readonly about: string;
  readonly item: string;
  readonly args: CliCommand['args'];
  readonly options: CliCommand['options'];
  readonly examples: readonly string[];
  readonly verbs: readonly DerivedVerb[];
}

export interface VerbCall extends CliCommandInput {
  readonly verb: string;
  readonly server: Corral;
  readonly words: readonly string[];
  /** `columns` names the verb whose columns are used. */
  show(items: readonly object[], columns?: string): void;
  find(word: string | undefined): Promise<string>;
}
export interface CustomVerbs {
  readonly verbs?: Readonly<Record<string, (call: VerbCall) => Promise<number> | Promise<void>>>;
  readonly options?: CliCommand['options'];
  prepare?(call: VerbCall): Promise<{ readonly router?: string; readonly fields?: Readonly<Record<string, unknown>> }>;
  finish?(call: VerbCall, answer: { readonly id: string }): Promise<void>;
}

const aliases: Readonly<Record<string, string>> = { list: 'ls', rm: 'delete', remove: 'delete' };
const longName = (flags: string) => /--([a-z-]+)/.exec(flags)?.[1] ?? '';
const keyOf = (flags: string) => longName(flags).replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
const listed = (words: readonly string[]) =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

export function createResourceCommand(described: DerivedCommand, byHand: CustomVerbs = {}): CliCommand {
  const { name, about, args, options, examples, verbs } = described;
  const names = [...new Set([...verbs.map((verb) => verb.name), ...Object.keys(byHand.verbs ?? {})])];
  return {
    name,
    about,
    examples,
    args: [['[action]', `${listed(names)}; without one: ls`], ...args],
    options: [...options, ...(byHand.options ?? []), jsonOption],
    async run(input) {
      const [word = 'ls', ...words] = input.args;
      const verb = names.includes(word) ? word : (aliases[word] ?? word);
      if (!names.includes(verb)) throw new UsageError(`There is no action "${word}". Use ${listed(names)}.`);
      const call = createCall(described, { ...input, verb, words });
      const hand = byHand.verbs?.[verb];
      const code = await hand?.(call);
      const own = verbs.find((one) => one.name === verb);
      if (own && !hand) await callDerived(described, { own, call, byHand });
      return typeof code === 'number' ? code : exitCodes.ok.code;
    },
  };
}

function createCall(command: DerivedCommand, input: CliCommandInput & Pick<VerbCall, 'verb' | 'words'>): VerbCall {
  const { name, item, verbs } = command;
  const { io, options, verb } = input;
  const server = input.corral();
  return {
    ...input,
    server,
    show(items, columns = verb) {
      const isJson = options.flag('json');
      const table = verbs.find((one) => one.name === columns)?.columns ?? [];
      for (const line of isJson ? items.map((one) => JSON.stringify(one)) : formatTable(items, table)) io.print(line);
      if (items.length === 0 && verb === 'ls' && !isJson) io.say(`There are no ${item}s. See: corral help ${name}`);
    },
    async find(word) {
      if (word === undefined) throw new UsageError(`Specify the ${item}: corral ${name} ${verb} <${item}>`);
      return await findItem(server, command, word);
    },
  };
}

interface DerivedCall {
  readonly own: DerivedVerb;
  readonly call: VerbCall;
  readonly byHand: CustomVerbs;
}
async function callDerived(command: DerivedCommand, { own, call, byHand }: DerivedCall): Promise<void> {
  const { words, options, server, io } = call;
  const needed = own.words.flatMap(({ isRequired, usage }) => (isRequired ? [`<${usage}>`] : []));
  if (words.length < needed.length)
    throw new UsageError(`Write: corral ${command.name} ${own.name} ${needed.join(' ')}`);
  const input: Record<string, unknown> = {};
  for (const option of own.options) {
    const key = keyOf(option.usage);
    const shown = `--${longName(option.usage)}`;
    if (options.has(key)) setAt(input, option.field, read(option, shown, options));
    else if (option.isRequired) throw new UsageError(`Set ${shown}: ${option.about}.`);
  }
  const { router, fields = {} } = (await byHand.prepare?.(call)) ?? {};
  for (const [path, value] of Object.entries(fields)) setAt(input, path, value);
  const known: (readonly [string, unknown])[] = [];
  for (const [n, value] of own.words.entries()) {
    const word = words[n];
    if (word === undefined) continue;
    const found = value.lookup
      ? await (value.lookup === 'item' ? findItem(server, command, word, known) : findSession(server, word))
      : parse(value, `<${value.usage}>`, word);
    setAt(input, value.field, found);
    known.push([value.field, found]);
  }
  const [usual = '', operation = ''] = own.calls.split('.');
  const answer = await callOperation(server, `${router ?? usual}.${operation}`, { input, isQuery: own.isQuery });
  if (own.columns) call.show([answer].flat());
  else {
    const item = words[0] ?? '';
    io.print(options.flag('json') ? JSON.stringify({ [command.name]: item, deleted: true }) : item);
  }
  if (own.note !== undefined && !options.flag('json')) io.say(own.note);
  await byHand.finish?.(call, answer as { id: string });
}

type Callable = Readonly<Record<string, Readonly<Record<string, Record<'query' | 'mutate', Procedure>>>>>;
type Procedure = (input?: object) => Promise<object>;

function callOperation(server: Corral, name: string, { input, isQuery }: { input: object; isQuery: boolean }) {
  const [router = '', operation = ''] = name.split('.');
  const request = Object.keys(input).length === 0 ? undefined : input;
  return server.call(async (api) => {
    const procedure = (api as unknown as Callable)[router]?.[operation];
    if (!procedure) throw new Error(`This client has no procedure ${name}.`);
    return await procedure[isQuery ? 'query' : 'mutate'](request);
  });
}

const findSession = async (server: Corral, word: string): Promise<string> => (await findBox(server, word)).id;

interface Item {
  readonly id: string;
  readonly name?: string | null;
}
async function findItem(
  server: Corral,
  { name, verbs }: Pick<DerivedCommand, 'name' | 'verbs'>,
  word: string,
  known: readonly (readonly [string, unknown])[] = [],
): Promise<string> {
  const ls = verbs.find((one) => one.name === 'ls');
  const all = ls ? ((await callOperation(server, ls.calls, { input: {}, isQuery: true })) as readonly Item[]) : [];
  const fitting = all.filter((one) => known.every(([key, value]) => one[key as keyof Item] === value));
  const named = fitting.filter((one) => one.id === word || one.name === word);
  const found = named.length > 0 ? named : fitting.filter(({ id }) => word.length >= 4 && id.startsWith(word));
  if (found.length > 1)
    throw new UsageError(
      `${found.length} ${name}s are called ${word}. Use an id: ${found.map(({ id }) => id).join(', ')}`,
    );
  return found[0]?.id ?? word;
}

function setAt(input: Record<string, unknown>, path: string, value: unknown): void {
  const [name = '', ...inner] = path.split('.');
  if (inner.length > 0) {
    const within = { ...(input[name] as Readonly<Record<string, unknown>> | undefined) };
    setAt(within, inner.join('.'), value);
    input[name] = within;
  } else input[name] = value;
}

function read(option: DerivedParameter, shown: string, options: CliCommandInput['options']): unknown {
  const key = keyOf(option.usage);
  if (option.kind === 'flag') return true;
  if (option.kind === 'each') return options.texts(key);
  if (option.kind !== 'pairs') return parse(option, shown, options.text(key) ?? '');
  return parseKeyValuePairs(shown, options.texts(key));
}

export function parseKeyValuePairs(option: string, values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    values.map((one) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(one) ?? [];
      if (name === undefined || value === undefined) throw new UsageError(`${option} ${one}: write name=value.`);
      return [name, value];
    }),
  );
}

function parse({ kind, values = {} }: DerivedParameter, shown: string, text: string): unknown {
  if (Object.hasOwn(values, text)) return values[text];
  if (kind === 'list') return text.split(',').map((one) => one.trim());
  const isNumber = text.trim() !== '' && Number.isFinite(Number(text));
  if (kind === 'number' && isNumber) return Number(text);
  if (kind === 'text') return text;
  const accepted = [...(kind === 'number' ? ['a number'] : []), ...Object.keys(values)];
  throw new UsageError(`${shown} must be ${listed(accepted)}, not ${text}.`);
}

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
 * A column is a template with fields: `{name}`, `{+used}` (must be above 0), `{?deleted}` (must be present, but is not shown). A part in brackets
 * is left out if one of its fields is missing; ` | ` separates alternatives.
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
