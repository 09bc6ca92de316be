import { readErrorText } from '../../../core/errors/error-text.ts';
import { type JsonLimits, parseJson } from '../../../core/text/json.ts';
import type { TextToolCall } from './python-calls.ts';
import { ThinkTagParser } from './think-tags.ts';
import { TextToolCallFinder } from './written-calls.ts';

// Converts responses to the AI SDK's format, because Chat Completions servers differ in details.

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);
const treesIn = (value: unknown): Tree[] => (Array.isArray(value) ? value.filter(isTree) : []);
const limits: JsonLimits = { maxBytes: 16 * 1024 * 1024, maxDepth: 64, maxValues: 200_000 };
const maxErrorBytes = 256 * 1024;

interface ServerHabits {
  /** Number of replies without an end mark so far. Undefined after the first end mark. */
  unended: number | undefined;
}

export function createOpenaiCompatibleFetch(via: typeof fetch): typeof fetch {
  const habits: ServerHabits = { unended: 0 };
  return async (input, init) => {
    const response = await via(input, init);
    if (!response.ok) return refusal(response.status, await beginning(response), response.headers);
    const type = response.headers.get('content-type') ?? '';
    if (/text\/event-stream/i.test(type) && response.body) {
      const body = response.body
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(rewritten(toolsIn(init?.body), habits))
        .pipeThrough(new TextEncoderStream());
      return new Response(body, { status: 200, headers: { 'content-type': 'text/event-stream' } });
    }
    const text = await response.text();
    const json = parseJson(text, limits);
    // A gateway may return an HTML page, or an error with status 200.
    if (!json.ok && !/^\s*(data|event|id|:)/.test(text)) return refusal(502, text, response.headers);
    if (json.ok && isTree(json.value) && !Array.isArray(json.value.choices))
      return refusal(statusIn(json.value) ?? 502, text, response.headers);
    const lines = json.ok ? `data: ${JSON.stringify(streamed(json.value as Tree))}\n\ndata: [DONE]\n\n` : text;
    const body = new Response(lines).body
      ?.pipeThrough(new TextDecoderStream())
      .pipeThrough(rewritten(toolsIn(init?.body), habits))
      .pipeThrough(new TextEncoderStream());
    return new Response(body ?? null, { status: 200, headers: { 'content-type': 'text/event-stream' } });
  };
}

async function beginning(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).length;
    if (bytes > maxErrorBytes) break;
  }
  return Buffer.concat(chunks).toString().slice(0, maxErrorBytes);
}

function refusal(status: number, text: string, headers: Headers): Response {
  const json = parseJson(text, limits);
  const input = json.ok ? json.value : text;
  const kept = ['retry-after', 'retry-after-ms'].flatMap((name) =>
    headers.has(name) ? [[name, headers.get(name) ?? '']] : [],
  );
  const body = { error: toErrorBody(input) };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', ...Object.fromEntries(kept) },
  });
}

function toErrorBody(input: unknown): Tree {
  const inner = isTree(input) && isTree(input.error) ? input.error : isTree(input) ? input : {};
  const word = (name: string) =>
    typeof inner[name] === 'string' || typeof inner[name] === 'number' ? { [name]: inner[name] } : {};
  return {
    message: readErrorText(input) || 'without a reason',
    type: 'server_error',
    ...word('type'),
    ...word('code'),
  };
}

function statusIn(body: Tree): number | undefined {
  const inner = isTree(body.error) ? body.error : body;
  const named = [inner.status, inner.code, inner.status_code, body.status, body.code].map(Number);
  return named.find((status) => status >= 400 && status < 600);
}

const streamed = (answer: Tree): Tree => ({
  ...answer,
  choices: treesIn(answer.choices).map(({ message, ...choice }) => ({ ...choice, delta: choice.delta ?? message })),
});

function toolsIn(body: unknown): ReadonlySet<string> {
  const json = typeof body === 'string' ? parseJson(body, limits) : undefined;
  const tools = json?.ok && isTree(json.value) ? treesIn(json.value.tools) : [];
  return new Set(tools.flatMap(({ function: it }) => (isTree(it) && typeof it.name === 'string' ? [it.name] : [])));
}

function rewritten(tools: ReadonlySet<string>, habits: ServerHabits): TransformStream<string, string> {
  const reply = new Reply(tools, habits);
  let begun: string[] = []; // pieces, so that each is searched only once
  let chars = 0;
  let endedInReturn = false;
  const readLine = (end: string, controller: TransformStreamDefaultController<string>) => {
    const line = [...begun, end].join('').trimEnd();
    [begun, chars] = [[], 0];
    for (const chunk of reply.read(line)) controller.enqueue(chunk);
  };
  return new TransformStream({
    transform(text, controller) {
      const lines = (endedInReturn && text.startsWith('\n') ? text.slice(1) : text).split(/\r\n|\r|\n/);
      endedInReturn = text.endsWith('\r');
      const last = lines.pop() ?? '';
      for (const line of lines) readLine(line, controller);
      begun.push(last);
      chars += last.length;
      if (chars > limits.maxBytes) readLine('', controller); // a line beyond the JSON limits is unreadable and ends the reply
    },
    flush(controller) {
      readLine('', controller);
      readLine('', controller);
      for (const chunk of reply.end()) controller.enqueue(chunk);
    },
  });
}

const event = (chunk: unknown) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`;

class Reply {
  readonly #written: TextToolCallFinder;
  readonly #thoughts = new ThinkTagParser();
  #kind = '';
  #lines: string[] = [];
  #calls = 0;
  readonly #whole = new Set<string>();
  hasContent = false;
  #finish: unknown;
  #last: Tree = {};
  #isOver = false;
  readonly #tools: ReadonlySet<string>;
  readonly #habits: ServerHabits;
  readonly #begun = new Map<number, Tree & { readonly name: string }>();

  constructor(tools: ReadonlySet<string>, habits: ServerHabits) {
    this.#tools = tools;
    this.#habits = habits;
    this.#written = new TextToolCallFinder(tools);
  }

  /** Treats a reply without an end mark as truncated if it is the first reply or an earlier reply had the mark. */
  *end(): Generator<string> {
    const { unended } = this.#habits;
    if (this.#isOver || this.#finish !== undefined || unended === undefined) return;
    if (unended > 0) yield* this.#close();
    if (this.hasContent) this.#habits.unended = unended + 1;
  }

  /** An event's JSON may span several lines, or lack an empty line after it. */
  *read(line: string): Generator<string> {
    if (this.#isOver) return;
    if (line === '') return yield* this.#endEvent();
    if (line.startsWith('event:')) this.#kind = line.slice(6).trim();
    if (!line.startsWith('data:')) return;
    const data = line.slice(5).trim();
    if (data === '') return;
    if (data === '[DONE]') {
      this.#habits.unended = undefined;
      yield* this.#close();
      this.#isOver = true;
      return yield event(data);
    }
    const json = this.#lines.length === 0 ? parseJson(data, limits) : undefined;
    if (json?.ok && isTree(json.value)) return yield* this.#readJson(json.value);
    this.#lines.push(data);
  }

  *#endEvent(): Generator<string> {
    const [kind, data] = [this.#kind, this.#lines.join('\n')];
    this.#kind = '';
    this.#lines = [];
    if (data === '') return;
    const json = parseJson(data, limits);
    if (json.ok && isTree(json.value)) return yield* this.#readJson(json.value);
    if (!['', 'message', 'error'].includes(kind)) return; // such as `event: ping`
    this.#isOver = true;
    if (kind === 'error') return yield event({ error: toErrorBody(data) });
    // Use a status that is not retried, because the same request would fail again.
    const message = `The server sent a reply that cannot be read: ${data.slice(0, 100)}`;
    yield event({ error: { message, type: 'invalid_reply', code: 422 } });
  }

  *#readJson(value: Tree): Generator<string> {
    const { error, ...chunk } = value; // some servers send `error: null` in every chunk
    const [choice] = treesIn(chunk.choices);
    const inChoice = choice?.error ?? (choice?.finish_reason === 'error' ? 'the reply ended with an error' : undefined);
    const failed = error ?? inChoice ?? (chunk.choices === undefined && (chunk.detail ?? chunk.message));
    if (!failed) return value.type === 'ping' ? undefined : yield* this.#chunk(chunk);
    this.#isOver = true;
    const source = inChoice === undefined ? value : { error: inChoice };
    const status = statusIn(source);
    yield event({ error: { ...toErrorBody(source), ...(status !== undefined && { code: status }) } });
  }

  *#chunk(chunk: Tree): Generator<string> {
    const [choice] = treesIn(chunk.choices);
    const about = pickFields(chunk);
    this.#last = { ...this.#last, ...about };
    if (!choice) return yield event({ ...about, choices: [] });
    const delta = isTree(choice.delta) ? choice.delta : isTree(choice.message) ? choice.message : {};
    const finish = choice.finish_reason ?? undefined;
    const { text, thought } = this.#thoughts.push(textIn(delta.content) + textIn(delta.refusal));
    const written = this.#written.push(text);
    const sent = this.#collectCalls(delta);
    const ended = finish === undefined ? undefined : this.#rest();
    const calls = [...sent, ...written.calls.map((call) => this.#called(call)), ...(ended?.calls ?? [])];
    const content = written.text + (ended?.text ?? '');
    const thinking = delta.reasoning_content || delta.reasoning || delta.thinking;
    const parts = treesIn(delta.content).map((part) => textIn(part.thinking));
    const reasoning = [textIn(thinking), ...parts, thought, ended?.thought].join('');
    this.hasContent ||= content !== '' || reasoning !== '' || calls.length > 0;
    this.#finish = finish ?? this.#finish;
    if (finish !== undefined) this.#habits.unended = undefined;
    const out = {
      ...(typeof delta.role === 'string' && { role: 'assistant' }),
      ...(content !== '' && { content }),
      ...(reasoning !== '' && { reasoning_content: reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    };
    yield event({
      ...about,
      choices: [{ index: 0, delta: out, ...(finish !== undefined && { finish_reason: this.#reason(finish) }) }],
    });
  }

  /** Some servers report `stop` even for tool calls. */
  #reason(finish: unknown): unknown {
    return this.#calls > 0 && (finish === 'stop' || finish === 'function_call') ? 'tool_calls' : finish;
  }

  *#close(): Generator<string> {
    if (this.#finish !== undefined) return;
    const { text, thought, calls } = this.#rest();
    const delta = {
      ...(text !== '' && { content: text }),
      ...(thought !== '' && { reasoning_content: thought }),
      ...(calls.length > 0 && { tool_calls: calls }),
    };
    if (!this.hasContent && Object.keys(delta).length === 0) return;
    const { usage: _, ...about } = this.#last;
    yield event({ ...about, choices: [{ index: 0, delta, finish_reason: this.#reason('stop') }] });
  }

  #rest(): { readonly text: string; readonly thought: string; readonly calls: readonly Tree[] } {
    const last = this.#thoughts.end();
    const pushed = this.#written.push(last.text);
    const ended = this.#written.end();
    const begun = [...this.#begun].map(([index, call]) => this.#sent(index, call));
    const calls = [...begun, ...[...pushed.calls, ...ended.calls].map((call) => this.#called(call))];
    return { text: pushed.text + ended.text, thought: last.thought, calls };
  }

  #collectCalls({ tool_calls: list, function_call: old }: Tree): Tree[] {
    const values = [...treesIn(list), ...(isTree(old) ? [{ index: 0, function: old }] : [])];
    return values.flatMap((call, at): Tree[] => {
      const whole = JSON.stringify(call);
      // Some servers repeat a call at the end. Identical calls without ids may be intentional.
      if (call.id && this.#whole.has(whole)) return [];
      const { name: sent, arguments: args } = isTree(call.function) ? call.function : call;
      const index = typeof call.index === 'number' ? call.index : this.#indexOf(sent);
      const isNew = index >= this.#calls;
      this.#calls = Math.max(this.#calls, index + 1);
      const id = typeof call.id === 'string' && call.id !== '' ? call.id : isNew ? `call_${index}_${at}` : undefined;
      const text = args === undefined || args === null ? '' : typeof args === 'string' ? args : JSON.stringify(args);
      const begun = this.#begun.get(index);
      const name = begun && typeof sent === 'string' ? this.#joined(begun.name, sent) : (begun?.name ?? sent);
      if (name && parseJson(text, limits).ok) this.#whole.add(whole);
      const { extra_content } = call; // holds Gemini's signature
      const more = { ...(id !== undefined && { id }), ...(isTree(extra_content) && { extra_content }), ...begun };
      if (text === '' && typeof name === 'string' && (isNew || begun) && this.#canGoOn(name)) {
        this.#begun.set(index, { ...more, name });
        return [];
      }
      return [this.#sent(index, { ...more, name }, text)];
    });
  }

  #sent(index: number, { name, ...more }: Tree, text = ''): Tree {
    this.#begun.delete(index);
    const named = typeof name === 'string' && { name: this.#written.nameOf(name) };
    return { index, ...more, type: 'function', function: { ...named, arguments: text } };
  }

  /** Some servers leave out a call's index. */
  #indexOf(sent: unknown): number {
    const last = Math.max(0, this.#calls - 1);
    if (typeof sent !== 'string' || sent === '') return last;
    const begun = this.#begun.get(last);
    const joined = begun && this.#joined(begun.name, sent);
    return joined !== undefined && (this.#tools.has(joined) || this.#canGoOn(joined)) ? last : this.#calls;
  }

  /** Some servers repeat the start of the name in each chunk. */
  #joined(begun: string, piece: string): string {
    return piece.startsWith(begun) && begun !== '' ? piece : begun + piece;
  }

  #canGoOn(name: string): boolean {
    for (const tool of this.#tools) if (tool !== name && tool.startsWith(name)) return true;
    return false;
  }

  #called({ name, args }: TextToolCall): Tree {
    const index = this.#calls++;
    return {
      index,
      id: `call_written_${index}`,
      type: 'function',
      function: { name, arguments: JSON.stringify(args) },
    };
  }
}

/** Some servers send text as an array of parts. */
const textIn = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : treesIn([content].flat())
        .map(({ text }) => (typeof text === 'string' ? text : ''))
        .join('');

function pickFields({ id, model, created, usage }: Tree): Tree {
  return {
    ...(typeof id === 'string' && { id }),
    ...(typeof model === 'string' && { model }),
    ...(typeof created === 'number' && { created }),
    ...(isTree(usage) && { usage: numbersIn(usage) }),
  };
}

const numbersIn = (tree: Tree): Tree =>
  Object.fromEntries(
    Object.entries(tree).flatMap(([name, value]): [string, unknown][] => {
      if (isTree(value)) return [[name, numbersIn(value)]];
      const number = typeof value === 'string' && value !== '' ? Number(value) : value;
      return Number.isFinite(number) ? [[name, number]] : [];
    }),
  );
