import { z } from 'zod';
import { fileMetadataLimits } from '../../../core/model/sandboxes/file-metadata.ts';
import { isName, isPath } from '../../../core/text/file-names.ts';
import type { JsonLimits } from '../../../core/text/json.ts';
import {
  changeTypes,
  type FileChange,
  type FileChanges,
  type JobEnd,
  type JobEntry,
  type ListeningPort,
  type PathEntry,
} from '../abilities.ts';
import {
  type DesktopStatus,
  type ExecResult,
  type FileEntry,
  type Health,
  type Operation,
  type ProcessEntry,
  type ProgramEntry,
  type SandboxUsage,
  type ShellView,
  type TaggedEnd,
  type TerminalEntry,
  terminalEnds,
} from '../client.ts';

// The allowed shape and size of each answer of the daemon. The limits are the daemon's own (docs/sandboxd.openapi.json)
// plus room for JSON's overhead: an honest daemon refuses with payload_too_large before it exceeds them.

// Filters a sandbox's file lists: drops names that no workspace file can have. Such a name would lead out of the
// workspace when joined to a folder.

const withSafeNames = <Entry extends { readonly name: string }>(entries: readonly Entry[]): Entry[] =>
  entries.filter(({ name }) => isName(name));

interface SearchMatches<Match> {
  readonly matches: readonly Match[];
  readonly truncated: boolean;
}
const withSafePaths = <Match>(found: SearchMatches<Match>, pathOf: (match: Match) => string): SearchMatches<Match> => ({
  ...found,
  matches: found.matches.filter((match) => isPath(pathOf(match))),
});

export interface Rule<Value = unknown> extends JsonLimits {
  readonly shape: z.ZodType<Value>;
}

const KiB = 1024;
/** The daemon limits a JSON answer to the same size. */
export const largeBytes = 16 * KiB * KiB;
const maxList = 20_000;
const maxFound = 1_000;
const maxProcesses = 20_000;
const maxShells = 32;
/** Characters of one command and its output in a shell's console. */
const maxShown = 64 * KiB;
/** The bytes kept of each output stream when only the result is requested. */
const maxExec = KiB * KiB;

const count = z.int().nonnegative();
const time = z.number().nonnegative();
const text = (most: number) => z.string().max(most);
const id = text(256);
/** Truncates longer text, because the daemon of an older image does not. */
const cut = (most: number) => z.string().transform((whole) => whole.slice(0, most));
/**
 * A time, in the one form that the facades guarantee. A file can claim any year; four digits cover the first and last
 * possible one.
 */
const iso = text(40)
  .refine((date) => !Number.isNaN(Date.parse(date)), { abort: true })
  .overwrite((date) => new Date(Math.min(Math.max(Date.parse(date), firstMs), lastMs)).toISOString());
const firstMs = Date.parse('0000-01-01T00:00:00.000Z');
const lastMs = Date.parse('9999-12-31T23:59:59.999Z');
/** A path as the sandbox reports it; safe-file-names.ts drops the ones that no workspace file can have. */
const path = text(8 * KiB);

const desktop = z.object({
  state: z.enum(['unsupported', 'stopped', 'starting', 'running']),
  browser: z.enum(['stopped', 'running']),
  width: count.max(100_000),
  height: count.max(100_000),
  restarts: z.object({ display: count, browser: count }),
  lastFailure: cut(1_000).optional(),
  browserSandbox: z.boolean().optional(),
}) as z.ZodType<DesktopStatus>;

const shell = z.object({
  id,
  console: z.array(z.object({ ps1: text(16 * KiB), command: cut(maxShown), output: cut(maxShown) })).max(20),
  running: id.optional(),
}) as z.ZodType<ShellView>;

const operation = z.object({
  id,
  state: z.enum(['running', 'exited']),
  exitCode: z.int().optional(),
  reason: z.enum(['timed_out', 'killed', 'oom', 'lost']).optional(),
  bytes: count,
  spool: path,
  pid: count,
  startedAt: time,
  endedAt: time.optional(),
  asks: z.literal(true).optional(),
  terminal: z.literal(false).optional(),
}) as z.ZodType<Operation>;

const terminal = z.object({ id, startedAt: time }) satisfies z.ZodType<TerminalEntry>;

const program = z.object({
  id,
  pid: count,
  startedAt: time,
  exitCode: z.int().optional(),
}) as z.ZodType<ProgramEntry>;

const end = { exitCode: z.int().min(-1).max(255), signal: text(16).optional() };
const job = z.object({
  id,
  pid: count,
  startedAt: time,
  argv: z.array(z.string()).max(1_000),
  env: z.array(z.string()).max(1_000).optional(),
  cwd: path.optional(),
  label: z.string().optional(),
  terminal: z.boolean(),
  exitCode: end.exitCode.optional(),
  signal: end.signal,
}) as z.ZodType<JobEntry>;

const pathEntry = z.object({
  name: path,
  path,
  type: z.enum(['file', 'directory', 'other', 'broken']),
  size: count,
  mode: count.max(0o7777),
  owner: text(256),
  group: text(256),
  modified: iso,
  isLink: z.literal(true).optional(),
  target: path.optional(),
  workspace: z.literal(true).optional(),
  metadata: z
    .record(text(fileMetadataLimits.keyBytes), text(fileMetadataLimits.bytes))
    .refine((found) => Object.keys(found).length <= fileMetadataLimits.keys)
    .optional(),
}) as z.ZodType<PathEntry>;

const change = z.object({
  type: z.enum(changeTypes),
  name: path,
  entry: pathEntry.optional(),
}) as z.ZodType<FileChange>;
const maxChanges = 1_000;

const rule = <Value>(shape: z.ZodType<Value>, [kib, maxValues, maxDepth]: [number, number, number]): Rule<Value> => ({
  shape,
  maxBytes: kib * KiB,
  maxValues,
  maxDepth,
});
const large = largeBytes / KiB;

export const answers = {
  health: rule<Health>(
    z.object({
      version: text(64),
      bootId: text(64),
      idleMs: z.number(),
      oomKills: count,
      disk: z.object({ usedBytes: count, limitBytes: count, freeBytes: count, stopped: count }).optional(),
      desktop: desktop.optional(),
    }) as z.ZodType<Health>,
    [16, 60, 4],
  ),
  usage: rule<SandboxUsage>(
    z.object({ cpuSeconds: time, memoryBytes: count, memoryLimitBytes: count.nullable(), processes: count }),
    [16, 20, 2],
  ),
  operation: rule(operation, [64, 40, 2]),
  shell: rule<ShellView>(shell, [large, 200, 4]),
  killed: rule<TaggedEnd>(
    z.object({ killed: count, shells: z.array(shell).max(maxShells).optional() }) as z.ZodType<TaggedEnd>,
    [large, 200 * maxShells, 6],
  ),
  exec: rule<ExecResult>(
    z.object({
      exitCode: z.int(),
      stdout: cut(maxExec),
      stderr: cut(maxExec),
      timedOut: z.boolean(),
      wholeIn: z.object({ stdout: path.optional(), stderr: path.optional() }).optional(),
    }) as z.ZodType<ExecResult>,
    [large, 20, 3],
  ),
  entries: rule<FileEntry[]>(
    z
      .array(
        z.object({
          name: path,
          type: z.enum(['file', 'directory', 'other']),
          size: count.nullable(),
          modified: iso,
        }),
      )
      .max(maxList)
      .transform(withSafeNames) as z.ZodType<FileEntry[]>,
    [large, maxList * 6, 3],
  ),
  found: rule(
    z
      .object({ matches: z.array(path).max(maxFound), truncated: z.boolean() })
      .transform((found) => withSafePaths(found, (file) => file)),
    [large, maxFound + 20, 3],
  ),
  lines: rule(
    z
      .object({
        matches: z.array(z.object({ file: path, line: count, content: text(4 * KiB) })).max(maxFound),
        truncated: z.boolean(),
      })
      .transform((found) => withSafePaths(found, ({ file }) => file)),
    [large, maxFound * 6, 4],
  ),
  processes: rule<ProcessEntry[]>(
    z
      .array(
        z.object({
          pid: count,
          cmd: cut(4 * KiB),
          started: iso,
          memoryBytes: count.optional(),
          tag: cut(256).optional(),
        }),
      )
      .max(maxProcesses) as z.ZodType<ProcessEntry[]>,
    [large, maxProcesses * 6, 3],
  ),
  terminal: rule<TerminalEntry>(terminal, [16, 10, 2]),
  terminals: rule<TerminalEntry[]>(z.array(terminal).max(64), [64, 300, 3]),
  program: rule(program, [16, 10, 2]),
  programs: rule<ProgramEntry[]>(z.array(program).max(64), [64, 400, 3]),
  job: rule(job, [large, 3_000, 3]),
  jobs: rule<JobEntry[]>(z.array(job).max(512), [large, 200_000, 4]),
  /** The last frame of a job's stream. */
  jobEnd: rule<JobEnd>(z.object(end) as z.ZodType<JobEnd>, [1, 4, 2]),
  pathEntry: rule(pathEntry, [64, 20 + fileMetadataLimits.keys, 3]),
  fileVersion: rule(z.object({ size: count, version: text(100) }), [16, 6, 2]),
  kept: rule(z.object({ done: z.boolean() }), [16, 4, 2]),
  print: rule(z.object({ print: text(64).optional(), bytes: count.optional() }), [16, 6, 2]),
  pathEntries: rule<PathEntry[]>(z.array(pathEntry).max(maxList), [large, maxList * 16, 4]),
  listeningPorts: rule<ListeningPort[]>(
    z
      .array(z.object({ port: z.int().min(1).max(65_535), pid: count.optional(), command: cut(4 * KiB).optional() }))
      .max(200) as z.ZodType<ListeningPort[]>,
    [large, 1_000, 3],
  ),
  watch: rule(z.object({ id }), [16, 4, 2]),
  change: rule(change, [64, 20, 3]),
  changes: rule<FileChanges>(z.object({ changes: z.array(change).max(maxChanges), more: z.boolean() }), [
    large,
    maxChanges * 16,
    5,
  ]),
  /** The last frame of a program's stream. */
  programEnd: rule(z.object({ exitCode: z.int() }), [1, 4, 2]),
  desktop: rule(desktop, [16, 40, 3]),
  pointer: rule(z.object({ x: z.int(), y: z.int() }), [16, 10, 2]),
  /** One message of the browser. Playwright reads the content of `params` and `result`. */
  cdp: rule(
    z.looseObject({
      id: z.int().optional(),
      method: text(200).optional(),
      sessionId: text(200).optional(),
      params: z.looseObject({}).optional(),
      result: z.looseObject({}).optional(),
      error: z.looseObject({ message: z.string() }).optional(),
    }) as z.ZodType<object>,
    [large, 20_000, 1_000],
  ),
  refusal: rule(z.object({ error: z.object({ code: text(64), message: cut(1_000) }) }), [16, 20, 3]),
} as const;

export type AnswerName = keyof typeof answers;
export type AnswerOf<Name extends AnswerName> = z.infer<(typeof answers)[Name]['shape']>;

/** Parses the reason in the last line of a terminal's stream. Undefined for an unknown one. */
export const terminalEnd = (text: string | undefined) => terminalEnds.find((known) => known === text);
