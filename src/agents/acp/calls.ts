import type { ToolCallContent, ToolCallUpdate, ToolKind } from '@agentclientprotocol/sdk';
import { z } from 'zod';
import type { AgentApprovalRequest, AgentToolCall, AgentToolResult } from '../../core/model/agent-updates.ts';
import type { ToolContent, ToolFamily } from '../../core/model/events.ts';
import { truncateEnd } from '../../core/text/text.ts';

const maxOutput = 64 * 1024; // characters
const maxArgs = 64 * 1024; // characters of JSON
const maxArg = 4_096; // characters per value in oversized arguments
const maxChanges = 256 * 1024; // characters of a call's old or new text
const maxPaths = 100;
const maxCalls = 2_000;

const families: Partial<Record<ToolKind, ToolFamily>> = {
  read: 'file',
  edit: 'file',
  delete: 'file',
  move: 'file',
  execute: 'shell',
  search: 'search',
  fetch: 'browser',
};

type Diff = Extract<ToolCallContent, { type: 'diff' }>;
interface KnownCall {
  readonly callId: string;
  kind: ToolKind | undefined;
  name: string | undefined;
  title: string | undefined;
  input: Record<string, unknown>;
  paths: readonly string[];
  diffs: readonly Diff[];
  /** From the newest update since the call started. Earlier texts only describe the call. */
  texts: readonly string[];
  rawOutput: unknown;
  terminal: string;
  exitCode: number | undefined;
  isAnnounced: boolean;
  isOver: boolean;
}

/** Corral assigns its own call ids, because agents may reuse theirs. */
export class AcpToolCalls {
  readonly #known = new Map<string, KnownCall>();
  readonly #newId: () => string;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  requestApproval(update: ToolCallUpdate): AgentApprovalRequest {
    const known = this.#of(update.toolCallId);
    read(update, known);
    const { callId, name, args } = callOf(known);
    return { callId, name, args, content: toContent(known, '') };
  }

  /** `isNew`: starts another call even if a finished one has this id. */
  receive(update: ToolCallUpdate, isNew: boolean): readonly (AgentToolCall | AgentToolResult)[] {
    const earlier = this.#known.get(update.toolCallId);
    if (earlier?.isOver && !isNew) return [];
    const known = this.#of(update.toolCallId);
    const before = known.input;
    read(update, known);
    const isEnd = update.status === 'completed' || update.status === 'failed';
    if (update.status === 'in_progress' || isEnd) readTexts(update, known);
    readTerminal(update, known);
    // Some agents send a call's arguments later, sometimes without a new status.
    const isComplete = update.status === 'in_progress' || isEnd || (!isNew && known.input !== before);
    const lines: (AgentToolCall | AgentToolResult)[] = [];
    if (!known.isAnnounced && isComplete) {
      known.isAnnounced = true;
      lines.push({ kind: 'call', ...callOf(known) });
    }
    if (!isEnd) return lines;
    known.isOver = true;
    const output = outputOf(known);
    const exitCode = known.exitCode ?? exitCodeOf(known.rawOutput);
    lines.push({
      kind: 'result',
      ...callOf(known),
      success: update.status === 'completed',
      output,
      content: toContent(known, output),
      ...(exitCode !== undefined && { exitCode }),
    });
    return lines;
  }

  #of(toolCallId: string): KnownCall {
    const known = this.#known.get(toolCallId);
    if (known && !known.isOver) return known;
    if (this.#known.size >= maxCalls) this.#known.clear();
    const knownCall: KnownCall = {
      callId: this.#newId(),
      kind: undefined,
      name: undefined,
      title: undefined,
      input: {},
      paths: [],
      diffs: [],
      texts: [],
      rawOutput: undefined,
      terminal: '',
      exitCode: undefined,
      isAnnounced: false,
      isOver: false,
    };
    this.#known.set(toolCallId, knownCall);
    return knownCall;
  }
}

/** Ignores empty lists and objects, because some agents fill fields with them. */
function read({ kind, name, title, rawInput, rawOutput, locations, content }: ToolCallUpdate, known: KnownCall): void {
  known.kind = kind ?? known.kind;
  known.name = name ?? known.name;
  known.title = title || known.title;
  const input = inputOf(rawInput);
  if (Object.keys(input).length > 0) known.input = input;
  if (locations && locations.length > 0) known.paths = locations.slice(0, maxPaths).map(({ path }) => path);
  known.rawOutput = rawOutput ?? known.rawOutput;
  const diffs = (content ?? []).filter((one) => one.type === 'diff');
  if (diffs.length > 0) known.diffs = diffs;
}

function readTexts({ content }: ToolCallUpdate, known: KnownCall): void {
  if (!content) return;
  known.texts = content.flatMap((one) =>
    one.type === 'content' && one.content.type === 'text' ? [one.content.text] : [],
  );
}

const TerminalNews = z.object({
  terminal_output_delta: z.object({ data: z.string() }).optional().catch(undefined),
  terminal_output: z.object({ data: z.string() }).optional().catch(undefined),
  terminal_exit: z.object({ exit_code: z.number().int() }).optional().catch(undefined),
});
/** The Codex adapters report output this way, even to clients without terminals. */
function readTerminal({ _meta }: ToolCallUpdate, known: KnownCall): void {
  const news = TerminalNews.safeParse(_meta).data;
  const piece = news?.terminal_output_delta?.data ?? news?.terminal_output?.data ?? '';
  known.terminal = truncateEnd(known.terminal + piece, maxOutput);
  known.exitCode = news?.terminal_exit?.exit_code ?? known.exitCode;
}

const inputOf = (input: unknown): Record<string, unknown> =>
  typeof input === 'object' && input !== null && !Array.isArray(input) ? (input as Record<string, unknown>) : {};

function callOf({ callId, kind, name, title, input, paths, diffs }: KnownCall): Omit<AgentToolCall, 'kind'> {
  const word = (name ?? kind ?? 'tool').replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || 'tool';
  const shown = [...new Set([...paths, ...diffs.map(({ path }) => path)])].map((path) => truncateEnd(path, 4_096));
  const args: Record<string, unknown> = {
    ...(title && { title: truncateEnd(title, 500) }),
    ...(shown.length > 0 && { path: shown[0] }),
    ...(shown.length > 1 && { paths: shown.slice(0, maxPaths) }),
    ...fitting(input),
  };
  const command = kind === 'execute' ? findCommand(input, title) : undefined;
  if (command !== undefined) args.command = command;
  return { callId, name: word, family: families[kind ?? 'other'] ?? 'mcp', args };
}

function fitting(input: Record<string, unknown>): Record<string, unknown> {
  if (JSON.stringify(input).length <= maxArgs) return input;
  const short = Object.fromEntries(
    Object.entries(input).map(([key, value]) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return [key, text.length <= maxArg ? value : shortened(text, maxArg)];
    }),
  );
  return JSON.stringify(short).length <= maxArgs ? short : { note: 'The input is too large to show.' };
}

const shortened = (text: string, max: number): string => {
  const begin = truncateEnd(text, max);
  return begin.length === text.length
    ? text
    : `${begin}\n[${text.length - begin.length} characters more are not shown]`;
};

/** The command can be a string or words such as `[bash, -lc, text]`. */
function findCommand(input: Record<string, unknown>, title: string | undefined): string | undefined {
  const command = input.command ?? input.cmd;
  if (typeof command === 'string') return command;
  if (Array.isArray(command) && command.every((word) => typeof word === 'string') && command.length > 0) {
    const [, flag = '', script] = command as string[];
    return command.length === 3 && /^-\w*c$/.test(flag) ? script : command.join(' ');
  }
  return title === undefined ? undefined : truncateEnd(title, 4_096);
}

function toContent(known: KnownCall, output: string): ToolContent | null {
  const { input, kind, title } = known;
  const diffs = known.diffs.length === 0 && kind === 'edit' ? diffsIn(input) : known.diffs;
  const [only] = diffs;
  if (only && diffs.length === 1) {
    return {
      content: shortened(only.newText, maxChanges),
      oldContent: only.oldText ? shortened(only.oldText, maxChanges) : null,
    };
  }
  if (diffs.length > 1) {
    const together = (textOf: (diff: Diff) => string) =>
      shortened(diffs.map((diff) => `=== ${diff.path}\n${textOf(diff)}`).join('\n'), maxChanges);
    return {
      content: together(({ newText }) => newText),
      oldContent: together(({ oldText }) => oldText ?? ''),
    };
  }
  const command = kind === 'execute' ? findCommand(input, title) : undefined;
  return command === undefined || output === '' ? null : { console: [{ ps1: '$ ', command, output }] };
}

const text = z.string();
const Edit = z.union([
  z.object({ old_string: text, new_string: text }).transform((it) => [it.old_string, it.new_string] as const),
  z.object({ oldString: text, newString: text }).transform((it) => [it.oldString, it.newString] as const),
  z.object({ content: text }).transform((it) => ['', it.content] as const),
]);
function diffsIn(input: Record<string, unknown>): readonly Diff[] {
  const edit = Edit.safeParse(input).data;
  return edit ? [{ type: 'diff', path: '', oldText: edit[0], newText: edit[1] }] : [];
}

const RawOutput = z.union([
  text,
  z.object({ formatted_output: text }).transform((it) => it.formatted_output),
  z.object({ aggregated_output: text }).transform((it) => it.aggregated_output),
  z.object({ output: text }).transform((it) => it.output),
  z.object({ stdout: text, stderr: text.optional() }).transform((it) => it.stdout + (it.stderr ?? '')),
]);

/** Prefers raw output, because content text may be in a Markdown fence. */
function outputOf({ rawOutput, terminal, texts }: KnownCall): string {
  const raw = RawOutput.safeParse(rawOutput).data ?? terminal;
  return truncateEnd(raw === '' ? withoutFence(texts.join('\n')) : raw, maxOutput);
}

const withoutFence = (shown: string): string => /^```\w*\n([\s\S]*?)\n?```\s*$/.exec(shown)?.[1] ?? shown;

const code = z.number().int();
const ExitCode = z.union([
  z.object({ exit_code: code }).transform((it) => it.exit_code),
  z.object({ exitCode: code }).transform((it) => it.exitCode),
  z.object({ metadata: z.object({ exit: code }) }).transform((it) => it.metadata.exit),
]);
const exitCodeOf = (rawOutput: unknown): number | undefined => ExitCode.safeParse(rawOutput).data;
