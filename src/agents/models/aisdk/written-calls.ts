import { type JsonLimits, parseJson } from '../../../core/text/json.ts';
import { trimCharacters } from '../../../core/text/text.ts';
import { parsePythonCalls, type TextToolCall } from './python-calls.ts';

// Some models and servers send tool calls as text.

interface Form {
  readonly opens: string;
  /** Empty if the form extends to the end of the reply. */
  readonly closes: string;
  /** Ordinary text can look like this form, so the tool must exist. */
  readonly isCommon: boolean;
}
const forms: readonly Form[] = [
  { opens: '<tool_call>', closes: '</tool_call>', isCommon: false },
  { opens: '<|tool_call|>', closes: '<|/tool_call|>', isCommon: false },
  { opens: '<tool_calls>', closes: '</tool_calls>', isCommon: false },
  { opens: '<function_call>', closes: '</function_call>', isCommon: false },
  { opens: '<function=', closes: '</function>', isCommon: false },
  { opens: '[TOOL_CALLS]', closes: '', isCommon: false },
  { opens: '<|python_tag|>', closes: '', isCommon: false },
  { opens: '<invoke name=', closes: '</invoke>', isCommon: false },
  { opens: '<|tool_calls_section_begin|>', closes: '<|tool_calls_section_end|>', isCommon: false },
  { opens: '<｜tool▁calls▁begin｜>', closes: '<｜tool▁calls▁end｜>', isCommon: false },
  { opens: '<|tool_call_start|>', closes: '<|tool_call_end|>', isCommon: false },
  { opens: '```tool_call', closes: '\n```', isCommon: false },
  { opens: '```tool_code', closes: '\n```', isCommon: true },
  { opens: '```json', closes: '\n```', isCommon: true },
  { opens: '```\n{', closes: '\n```', isCommon: true },
];
const opening = new RegExp(forms.map(({ opens }) => opens.replaceAll(/[[\]|{]/g, '\\$&')).join('|'));
const longestOpening = Math.max(...forms.map(({ opens }) => opens.length));
const bare: Form = { opens: '{', closes: '', isCommon: true };
const maxHeld = 1024 * 1024; // maximum number of characters held back for one form
const maxBlank = 1_000; // maximum number of white-space characters before a reply's first word
const limits: JsonLimits = { maxBytes: 2 * maxHeld, maxDepth: 64, maxValues: 50_000 };

export interface TextWithCalls {
  readonly text: string;
  readonly calls: readonly TextToolCall[];
}

export class TextToolCallFinder {
  readonly #tools: ReadonlySet<string>;
  #held = '';
  /** Kept separate from `#held`, because searching all held text again after each piece would be slow. */
  #more: string[] = [];
  #moreChars = 0;
  #tail = '';
  #form: Form | undefined;
  #hasBegun = false;

  constructor(tools: ReadonlySet<string>) {
    this.#tools = tools;
  }

  push(delta: string): TextWithCalls {
    if (this.#tools.size === 0) return { text: delta, calls: [] };
    if (this.#form) {
      if (!this.#endsIn(delta, this.#form)) return { text: '', calls: [] };
      this.#gather();
    } else this.#held += delta;
    return this.#read(false);
  }

  end(): TextWithCalls {
    this.#gather();
    return this.#read(true);
  }

  /** True if the form can end here or is too long. */
  #endsIn(delta: string, { closes }: Form): boolean {
    this.#more.push(delta);
    this.#moreChars += delta.length;
    const last = this.#tail + delta;
    this.#tail = closes.length > 1 ? last.slice(1 - closes.length) : '';
    return (closes !== '' && last.includes(closes)) || this.#held.length + this.#moreChars >= maxHeld;
  }

  #gather(): void {
    if (this.#more.length === 0) return;
    this.#held += this.#more.join('');
    [this.#more, this.#moreChars] = [[], 0];
  }

  #read(isOver: boolean): TextWithCalls {
    const texts: string[] = [];
    const calls: TextToolCall[] = [];
    for (;;) {
      this.#form ??= this.#find(texts, isOver);
      const form = this.#form;
      if (!form) break;
      const from = form.opens.length;
      const end = form.closes === '' ? -1 : this.#held.indexOf(form.closes, from);
      if (end < 0 && !isOver && this.#held.length < maxHeld) {
        this.#tail = this.#held.slice(from).slice(1 - form.closes.length);
        break;
      }
      const length = end < 0 ? this.#held.length : end + form.closes.length;
      const whole = this.#held.slice(0, length);
      const inside =
        form === bare ? whole : this.#held.slice(form.opens.endsWith('{') ? from - 1 : from, end < 0 ? undefined : end);
      const found = this.#callsIn(inside, form);
      if (found.length > 0) calls.push(...found);
      else texts.push(whole);
      this.#held = this.#held.slice(length);
      this.#form = undefined;
    }
    if (isOver) {
      texts.push(this.#held);
      this.#held = '';
    }
    return { text: texts.join(''), calls };
  }

  #find(texts: string[], isOver: boolean): Form | undefined {
    if (!this.#hasBegun) {
      const first = this.#held.trimStart();
      if (/^(\[\s{0,9}([A-Za-z_][\w.-]{0,127})?)?$/.test(first) && this.#held.length < maxBlank && !isOver)
        return undefined;
      this.#hasBegun = true;
      if (/^\[?\{|^\[\s{0,9}[A-Za-z_][\w.-]{0,127}\(/.test(first)) return bare;
    }
    const match = opening.exec(this.#held);
    const found = forms.find(({ opens }) => opens === match?.[0]);
    const at = match?.index ?? this.#held.length - this.#possible();
    texts.push(this.#held.slice(0, at));
    this.#held = this.#held.slice(at);
    return found;
  }

  /** Length of the longest suffix of the held text that could begin a form. */
  #possible(): number {
    for (let length = Math.min(longestOpening, this.#held.length); length > 0; length--) {
      const end = this.#held.slice(-length);
      if (forms.some(({ opens }) => opens.startsWith(end))) return length;
    }
    return 0;
  }

  /** Some models put a namespace before a tool's name. */
  nameOf(name: string): string {
    const own = name.replace(/^functions\./, '');
    return !this.#tools.has(name) && this.#tools.has(own) ? own : name;
  }

  #callsIn(inside: string, { opens, isCommon }: Form): TextToolCall[] {
    const read = opens === '<function=' ? functionIn : opens === '<invoke name=' ? invokeIn : jsonCalls;
    const found = read(inside).map(({ name, args }) => ({ name: this.nameOf(name), args }));
    return found.every(({ name }) => this.#tools.has(name)) || !isCommon ? found : [];
  }
}

/** Parses `name>{"a": 1}` or `name><parameter=a>1</parameter>`. */
function functionIn(inside: string): TextToolCall[] {
  const close = inside.indexOf('>');
  if (close < 0) return [];
  const name = inside.slice(0, close).trim();
  const rest = inside.slice(close + 1).trim();
  if (!/^[\w.-]{1,128}$/.test(name)) return [];
  if (!rest.startsWith('<parameter=')) {
    const json = rest === '' ? { ok: true as const, value: {} } : parseJson(rest, limits);
    return json.ok ? [{ name, args: json.value }] : [];
  }
  return [{ name, args: argumentsIn(rest, ['<parameter=', '>', '</parameter>']) }];
}

/** Parses `"name"><parameter name="a">1</parameter>`. */
function invokeIn(inside: string): TextToolCall[] {
  const [name = '', ...rest] = inside.split('>');
  return [{ name: unquoted(name), args: argumentsIn(rest.join('>'), ['<parameter name=', '>', '</parameter>']) }];
}

const unquoted = (text: string) => trimCharacters(text.trim(), '"\'');

/** The three marks start an argument, end its name and end its value. */
function argumentsIn(text: string, [begin, middle, end]: readonly [string, string, string]): Record<string, unknown> {
  const found = text
    .split(begin)
    .slice(1)
    .flatMap((part) => {
      const at = part.indexOf(middle);
      const value =
        part
          .slice(at + middle.length)
          .split(end)[0]
          ?.trim() ?? '';
      const json = parseJson(value, limits);
      return at > 0 ? [[unquoted(part.slice(0, at)), json.ok ? json.value : value] as const] : [];
    });
  return Object.fromEntries(found);
}

/** Marks of Kimi and DeepSeek: before a call, before its arguments and after the call. */
const callMarks = [
  ['<|tool_call_begin|>', '<|tool_call_argument_begin|>', '<|tool_call_end|>'],
  ['<｜tool▁call▁begin｜>', '<｜tool▁sep｜>', '<｜tool▁call▁end｜>'],
] as const;
function markedCalls(text: string): TextToolCall[] {
  return callMarks.flatMap(([begin, middle, end]) =>
    text
      .split(begin)
      .slice(1)
      .flatMap((part) => {
        const [head = '', rest = ''] = (part.split(end)[0] ?? '').split(middle);
        const [own, ...lines] = rest.trim().split('\n');
        // In DeepSeek's first form, fenced arguments follow a line with the name.
        const isFenced = head.trim() === 'function' && lines.length > 0;
        const json = parseJson(isFenced ? lines.filter((line) => !line.startsWith('```')).join('\n') : rest, limits);
        const name = (isFenced ? own : head)?.trim().replace(/:\d+$/, '') ?? '';
        return json.ok && name !== '' ? [{ name, args: json.value }] : [];
      }),
  );
}

function jsonCalls(text: string): TextToolCall[] {
  const trimmed = text.trim();
  const marked = markedCalls(trimmed);
  if (marked.length > 0) return marked;
  const key = trimmed.indexOf('<arg_key>');
  if (key > 0) {
    const args = argumentsIn(trimmed.replaceAll(/<\/arg_key>\s?<arg_value>/g, '<arg_value>'), [
      '<arg_key>',
      '<arg_value>',
      '</arg_value>',
    ]);
    return [{ name: trimmed.slice(0, key).trim(), args }];
  }
  // Some forms put the name first: `name[ARGS]{…}`.
  const named = /^([\w.-]{1,128})(?:\[CALL_ID\][\w-]{1,64})?(?:\[ARGS\])?(?=\{)/.exec(trimmed);
  if (named?.[1]) {
    const json = parseJson(trimmed.slice(named[0].length), limits);
    return json.ok ? [{ name: named[1], args: json.value }] : [];
  }
  if (trimmed.startsWith('<function='))
    return functionIn(trimmed.slice('<function='.length).split('</function>')[0] ?? '');
  const whole = parseJson(trimmed, limits);
  const values = whole.ok
    ? [whole.value].flat()
    : trimmed
        .split('\n')
        .map((line) => parseJson(line, limits))
        .map((one) => (one.ok ? one.value : undefined));
  const calls = values.map(callIn);
  return calls.every((one) => one !== undefined) ? calls : parsePythonCalls(trimmed);
}

function callIn(value: unknown): TextToolCall | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { function: inner } = value as { function?: unknown };
  if (typeof inner === 'object' && inner !== null) return callIn(inner);
  const {
    name = typeof inner === 'string' ? inner : undefined,
    arguments: args,
    parameters,
    args: short,
    input,
  } = value as Record<string, unknown>;
  const values = args ?? parameters ?? short ?? input;
  if (typeof name !== 'string' || name === '' || values === undefined) return undefined;
  const json = typeof values === 'string' ? parseJson(values, limits) : undefined;
  return { name, args: json?.ok ? json.value : values };
}
