import { z } from 'zod';
import { fileMetadataLimits } from '../../../core/model/sandboxes/file-metadata.ts';
import { isSafeName, isSafePath } from '../../../core/text/file-names.ts';
import type { JsonLimits } from '../../../core/text/json.ts';

// Limits are the daemon's own (docs/sandboxd.openapi.json) plus JSON's overhead.

// Drops names that lead out of the workspace when appended to a path.

const withSafeNames = <Entry extends { readonly name: string }>(entries: readonly Entry[]): Entry[] =>
  entries.filter(({ name }) => isSafeName(name));

interface SearchMatches<Match> {
  readonly matches: readonly Match[];
  readonly truncated: boolean;
}
const withSafePaths = <Match>(found: SearchMatches<Match>, pathOf: (match: Match) => string): SearchMatches<Match> => ({
  ...found,
  matches: found.matches.filter((match) => isSafePath(pathOf(match))),
});

export interface DaemonResponseRule<Value = unknown> extends JsonLimits {
  readonly shape: z.ZodType<Value>;
}

const KiB = 1024;
/** Bytes; the daemon has the same limit. */
export const maxLargeResponseBytes = 16 * KiB * KiB;
const maxList = 20_000;
const maxFound = 1_000;
const maxProcesses = 20_000;
const maxShells = 32;
/** Maximum characters of one command, and of its output, in a shell's console. */
const maxShown = 64 * KiB;
/** Maximum bytes of each output stream in an `exec` response. */
const maxExec = KiB * KiB;

const count = z.int().nonnegative();
const time = z.number().nonnegative();
const text = (most: number) => z.string().max(most);
const id = text(256);
/** An older daemon can send longer text. */
const cut = (most: number) => z.string().transform((whole) => whole.slice(0, most));
/** Converts to the format of `toISOString`, clamped to the years 0000 to 9999. */
const iso = text(40)
  .refine((date) => !Number.isNaN(Date.parse(date)), { abort: true })
  .overwrite((date) => new Date(Math.min(Math.max(Date.parse(date), firstMs), lastMs)).toISOString());
const firstMs = Date.parse('0000-01-01T00:00:00.000Z');
const lastMs = Date.parse('9999-12-31T23:59:59.999Z');
/** Limits only the length. Search results with paths that no workspace file can have are dropped later. */
const path = text(8 * KiB);

const desktop = z.object({
  state: z.enum(['unsupported', 'stopped', 'starting', 'running']),
  browser: z.enum(['stopped', 'running']),
  width: count.max(100_000), // px
  height: count.max(100_000), // px
  restarts: z.object({ display: count, browser: count }),
  lastFailure: cut(1_000).exactOptional(),
  /** Whether Chromium's own sandbox isolates pages. Absent until the browser first starts. */
  browserSandbox: z.boolean().exactOptional(),
});
export type DesktopStatus = z.infer<typeof desktop>;

const shell = z.object({
  id,
  console: z
    .array(z.object({ ps1: text(16 * KiB), command: cut(maxShown), output: cut(maxShown) }))
    .max(20)
    .readonly(),
  running: id.exactOptional(),
});
export type ShellView = z.infer<typeof shell>;

const operation = z.object({
  id,
  state: z.enum(['running', 'exited']),
  /** 124 after a timeout, 128+n after signal n. Absent while the command runs, or if the exit code is lost. */
  exitCode: z.int().exactOptional(),
  /** `lost`: the daemon restarted while the command ran. */
  reason: z.enum(['timed_out', 'killed', 'oom', 'lost']).exactOptional(),
  /** Bytes of stdout and stderr so far. */
  bytes: count,
  /** The output file (up to the spool's limit), relative to the workspace. */
  spool: path,
  pid: count,
  startedAt: time,
  endedAt: time.exactOptional(),
  /** True if the command is waiting for input. Absent if not, or if unknown. */
  asks: z.literal(true).exactOptional(),
  /** False if the image has no `script` program, in which case the command runs over pipes. */
  terminal: z.literal(false).exactOptional(),
});
export type OperationEntry = z.infer<typeof operation>;

/** `bash -i` at the root of the workspace. */
const terminal = z.object({ id, startedAt: time });
export type TerminalEntry = z.infer<typeof terminal>;

const program = z.object({
  id,
  pid: count,
  startedAt: time,
  /** 128+n after signal n. Absent while the program runs. */
  exitCode: z.int().exactOptional(),
});
export type ProgramEntry = z.infer<typeof program>;

/** An exit code of -1 means that `signal` ended the job. */
const jobEnd = z.object({ exitCode: z.int().min(-1).max(255), signal: text(16).exactOptional() });
export type JobEnd = z.infer<typeof jobEnd>;
const job = z.object({
  id,
  /** The pid inside the sandbox. */
  pid: count,
  startedAt: time,
  argv: z.array(z.string()).max(1_000).readonly(),
  env: z.array(z.string()).max(1_000).readonly().exactOptional(),
  cwd: path.exactOptional(),
  label: z.string().exactOptional(),
  terminal: z.boolean(),
  exitCode: jobEnd.shape.exitCode.exactOptional(),
  signal: jobEnd.shape.signal,
});
export type JobEntry = z.infer<typeof job>;

const pathEntry = z.object({
  name: path,
  path, // absolute
  /** A link has its target's type. `broken`: a dangling link. */
  type: z.enum(['file', 'directory', 'other', 'broken']),
  size: count, // of the link itself, not of its target
  mode: count.max(0o7777), // for a link, the mode of its target
  owner: text(256),
  group: text(256),
  modified: iso,
  isLink: z.literal(true).exactOptional(),
  /** A link's final target. Absent if the link is dangling. */
  target: path.exactOptional(),
  /** The entry is the workspace itself. Only `stat` sets this. */
  workspace: z.literal(true).exactOptional(),
  /** Only for metadata requests, moves and writes. A link has its target's metadata. */
  metadata: z
    .record(text(fileMetadataLimits.keyBytes), text(fileMetadataLimits.bytes))
    .refine((found) => Object.keys(found).length <= fileMetadataLimits.keys)
    .exactOptional(),
});
export type PathEntry = z.infer<typeof pathEntry>;

/** A move is reported as a `rename` and a `create`. `lost`: more changed than the daemon could store. */
const change = z.object({
  type: z.enum(['create', 'write', 'remove', 'rename', 'chmod', 'lost']),
  name: path, // relative to the watched folder
  entry: pathEntry.exactOptional(),
});
export type FileChange = z.infer<typeof change>;
const changes = z.object({
  changes: z.array(change).max(1_000).readonly(),
  /** More changes are available, so call again immediately. */
  more: z.boolean(),
});
export type FileChangeBatch = z.infer<typeof changes>;

const disk = z.object({
  usedBytes: count,
  limitBytes: count,
  /** Free bytes on the whole disk, which other sandboxes may share. */
  freeBytes: count,
  /** Number of times the daemon killed processes for writing beyond the limit. */
  stopped: count,
});
export type DiskUsage = z.infer<typeof disk>;
const health = z.object({
  version: text(64),
  /** Changes when the daemon restarts. */
  bootId: text(64),
  /** Milliseconds since the last output or request. Health checks are not counted. */
  idleMs: z.number(),
  /** Number of processes that the kernel killed for lack of memory. */
  oomKills: count,
  /** Absent if the daemon does not watch the disk. */
  disk: disk.exactOptional(),
  desktop: desktop.exactOptional(),
});
export type DaemonHealth = z.infer<typeof health>;
const usage = z.object({
  /** Processor seconds since the sandbox's start. */
  cpuSeconds: time,
  memoryBytes: count,
  /** Null if there is no limit or it is unknown. */
  memoryLimitBytes: count.nullable(),
  processes: count,
});
export type SandboxUsage = z.infer<typeof usage>;
const killed = z.object({
  killed: count,
  /** State of the requested shells after the kill. Daemons before 1.4 omit it. */
  shells: z.array(shell).max(maxShells).readonly().exactOptional(),
});
export type KillResult = z.infer<typeof killed>;
const exec = z.object({
  /** 124 after a timeout. */
  exitCode: z.int(),
  stdout: cut(maxExec),
  stderr: cut(maxExec),
  timedOut: z.boolean(),
  /** Files with the full streams (up to the spool's limit), relative to the workspace. */
  wholeIn: z.object({ stdout: path.exactOptional(), stderr: path.exactOptional() }).exactOptional(),
});
export type ExecResult = z.infer<typeof exec>;
const entry = z.object({
  name: path,
  type: z.enum(['file', 'directory', 'other']),
  size: count.nullable(),
  modified: iso,
});
export type FileEntry = z.infer<typeof entry>;
const processEntry = z.object({
  pid: count,
  cmd: cut(4 * KiB),
  started: iso,
  /** In bytes. Absent from an older daemon's response. */
  memoryBytes: count.exactOptional(),
  tag: cut(256).exactOptional(),
});
export type ProcessEntry = z.infer<typeof processEntry>;
const listeningPort = z.object({
  port: z.int().min(1).max(65_535),
  pid: count.exactOptional(),
  command: cut(4 * KiB).exactOptional(),
});
export type ListeningPort = z.infer<typeof listeningPort>;
/** `version` is derived from the file's size and modification time. */
const fileVersion = z.object({ size: count, version: text(100) });
export type FileVersion = z.infer<typeof fileVersion>;

const terminalEnds = ['exited', 'deleted', 'replaced'] as const;
export type TerminalEnd = (typeof terminalEnds)[number];

const rule = <Value>(
  shape: z.ZodType<Value>,
  [kib, maxValues, maxDepth]: [number, number, number],
): DaemonResponseRule<Value> => ({
  shape,
  maxBytes: kib * KiB,
  maxValues,
  maxDepth,
});
const large = maxLargeResponseBytes / KiB;

export const daemonResponseRules = {
  health: rule(health, [16, 60, 4]),
  usage: rule(usage, [16, 20, 2]),
  operation: rule(operation, [64, 40, 2]),
  shell: rule(shell, [large, 200, 4]),
  killed: rule(killed, [large, 200 * maxShells, 6]),
  exec: rule(exec, [large, 20, 3]),
  entries: rule(z.array(entry).max(maxList).transform(withSafeNames), [large, maxList * 6, 3]),
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
  processes: rule(z.array(processEntry).max(maxProcesses), [large, maxProcesses * 6, 3]),
  terminal: rule(terminal, [16, 10, 2]),
  terminals: rule(z.array(terminal).max(64), [64, 300, 3]),
  program: rule(program, [16, 10, 2]),
  programs: rule(z.array(program).max(64), [64, 400, 3]),
  job: rule(job, [large, 3_000, 3]),
  jobs: rule(z.array(job).max(512), [large, 200_000, 4]),
  jobEnd: rule(jobEnd, [1, 4, 2]),
  pathEntry: rule(pathEntry, [64, 20 + fileMetadataLimits.keys, 3]),
  fileVersion: rule(fileVersion, [16, 6, 2]),
  kept: rule(z.object({ done: z.boolean() }), [16, 4, 2]),
  print: rule(z.object({ print: text(64).optional(), bytes: count.optional() }), [16, 6, 2]),
  pathEntries: rule(z.array(pathEntry).max(maxList), [large, maxList * 16, 4]),
  listeningPorts: rule(z.array(listeningPort).max(200), [large, 1_000, 3]),
  watch: rule(z.object({ id }), [16, 4, 2]),
  change: rule(change, [64, 20, 3]),
  changes: rule(changes, [large, 1_000 * 16, 5]),
  programEnd: rule(z.object({ exitCode: z.int() }), [1, 4, 2]),
  desktop: rule(desktop, [16, 40, 3]),
  pointer: rule(z.object({ x: z.int(), y: z.int() }), [16, 10, 2]),
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

export type DaemonResponseName = keyof typeof daemonResponseRules;
export type DaemonResponse<Name extends DaemonResponseName> = z.infer<(typeof daemonResponseRules)[Name]['shape']>;

export const parseTerminalEnd = (text: string | undefined) => terminalEnds.find((known) => known === text);
