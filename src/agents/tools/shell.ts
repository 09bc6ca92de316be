import { z } from 'zod';
import { combineSignals, sleep, throwIfAborted } from '../../core/concurrency/cancel.ts';
import { poll } from '../../core/concurrency/rounds.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { ToolContent } from '../../core/model/events.ts';
import { type ConsoleEntry, readNewestOutputs } from '../../core/model/shell-console.ts';
import { countOrphanBytes } from '../../core/text/arriving-text.ts';
import { renderScreenText, ScreenText } from '../../core/text/terminal/screen-text.ts';
import type { OperationEntry } from '../../sandboxes/client/client.ts';
import { describeOutputFile } from './kept-output.ts';
import { BoundedOutput, truncateOutput } from './output.ts';
import { defineTool, type ToolContext, type ToolResult } from './tool.ts';

const id = z
  .string()
  .min(1)
  .max(64)
  .describe('names the shell session, such as "main"; directory and exports carry over');

const shared = {
  family: 'shell',
  group: 'bash',
  orderKey: ({ id }: Readonly<Record<string, unknown>>) => `shell ${id}`,
} as const;

export const shellExec = defineTool({
  name: 'shell_exec',
  ...shared,
  label: 'Run',
  description:
    'Run a command in a shell session and wait for its end. One command at a time in a session; ' +
    'start a server with & and its output sent to a file, or use a session of its own.',
  parameters: z.object({
    id,
    exec_dir: z.string().min(1).optional().describe('absolute directory to run in; default: the current directory'),
    command: z.string().min(1).describe('as bash would read it'),
  }),
  calledIn: {
    conversation: ({ command }) => ({ name: 'run_shell', args: { cmd: command } }),
    opencodex: ({ command }) => ({ name: 'bash', args: { command } }),
  },
  async run(ctx, { id: shell, exec_dir, command }) {
    const { operationId, runId, timeoutMs, sandbox, signal } = ctx;
    const cwd = exec_dir === undefined ? {} : { cwd: exec_dir };
    try {
      await sandbox.start({ id: operationId, shell, command, ...cwd, tag: runId, timeoutMs }, signal);
    } catch (thrown) {
      if (thrown instanceof AppError && thrown.code === 'conflict') return busy(shell);
      throw thrown;
    }
    return await followToEnd(ctx, { shell, command, operation: operationId });
  },
  async reattach(ctx, { id: shell, command }) {
    const operation = await ctx.sandbox.operation(ctx.operationId, ctx.signal);
    if (!operation) {
      return { ok: false, reason: 'interrupted', output: 'Interrupted: the sandbox does not know its outcome.' };
    }
    return await followToEnd(ctx, { shell, command, operation: operation.id });
  },
});

export const shellView = defineTool({
  name: 'shell_view',
  ...shared,
  label: 'View terminal',
  description: 'Show what a shell session ran and printed so far.',
  parameters: z.object({ id }),
  async run(ctx, { id: shell }) {
    const { console, running } = await ctx.sandbox.view(shell, ctx.signal, { chars: maxConsoleChars });
    const lines = console.map(({ ps1, command, output }) => `${ps1}${command}\n${renderScreenText(output)}`).join('\n');
    const output = truncateOutput(running === undefined ? lines : `${lines}\n[still running]`);
    const content = {
      console: await boundedConsole(console),
      ...(running !== undefined && { running: true as const }),
    };
    return { ok: true, output, content };
  },
});

export const shellWait = defineTool({
  name: 'shell_wait',
  ...shared,
  label: 'Wait',
  description: 'Wait until the command that runs in a shell session ends, at most so many seconds.',
  parameters: z.object({ id, seconds: z.number().min(0).max(600).default(30) }),
  async run(ctx, { id: shell, seconds }) {
    const { running } = await ctx.sandbox.view(shell, ctx.signal);
    if (running === undefined)
      return { ok: true, output: `Nothing runs in shell session ${shell}.`, ...(await shown(ctx, shell)) };
    using requested = watchForInput(ctx, running);
    using enough = upTo(seconds * 1_000, combineSignals([ctx.signal, requested.signal]));
    const { ended, output } = await follow(ctx, running, { signal: enough.signal, tell: () => {} });
    throwIfAborted(ctx.signal);
    const { content } = await shown(ctx, shell);
    if (ended) return { ok: true, output: `It ended: ${verdict(ended)}.\n${output}`, content };
    if (requested.signal.aborted) return { ok: true, output: waiting(output, shell), content };
    const newest = content && 'console' in content ? content.console.at(-1)?.output : undefined;
    const seen = newest === undefined ? output : renderScreenText(newest);
    return { ok: true, output: `It is still running after ${seconds} s.\n${seen}`, content };
  },
});

export const shellWrite = defineTool({
  name: 'shell_write_to_process',
  ...shared,
  label: 'Type',
  description: 'Type into the command that runs in a shell session.',
  parameters: z.object({ id, input: z.string(), press_enter: z.boolean().default(true) }),
  async run(ctx, { id: shell, input, press_enter }) {
    await ctx.sandbox.write(shell, press_enter ? `${input}\n` : input, ctx.signal);
    return { ok: true, output: 'Typed.', ...(await shown(ctx, shell)) };
  },
});

export const shellKill = defineTool({
  name: 'shell_kill_process',
  ...shared,
  label: 'End',
  description:
    'Stop the command that runs in a shell session, with everything it started, and what earlier commands left running.',
  parameters: z.object({ id }),
  async run(ctx, { id: shell }) {
    await ctx.sandbox.kill(shell, ctx.signal);
    return { ok: true, output: 'Stopped.', ...(await shown(ctx, shell)) };
  },
});

/** Kills everything in the shell and restarts it in the workspace, without exported variables. */
export async function restartShell(ctx: ToolContext, shell: string): Promise<void> {
  const { sandbox, operationId, runId, timeoutMs, signal } = ctx;
  await sandbox.kill(shell, signal).catch((thrown: unknown) => {
    if (!(thrown instanceof AppError) || thrown.code !== 'shell_not_found') throw thrown;
  });
  const id = `${operationId}.restart`;
  await sandbox.start({ id, shell, command: ':', tag: runId, timeoutMs, fresh: true }, signal);
  await follow(ctx, id, { signal, tell: () => {} });
}

interface Command {
  readonly shell: string;
  readonly command: string;
  readonly operation: string;
}

async function followToEnd(ctx: ToolContext, { shell, command, operation }: Command): Promise<ToolResult> {
  const tell = after(ctx.fromByte ?? 0, ctx.onOutput);
  using requested = watchForInput(ctx, operation);
  const signal = combineSignals([ctx.signal, requested.signal]);
  const { ended, output } = await follow(ctx, operation, { signal, tell });
  const entry = { ps1: 'corral:~$ ', command, output };
  if (!ended && requested.signal.aborted && !ctx.signal.aborted)
    return { ok: true, output: waiting(output, shell), ...(await shown(ctx, shell, entry)) };
  if (!ended) return { ok: false, reason: 'cancelled', output, content: { console: [entry] } };
  const { exitCode, reason, spool } = ended;
  const common = {
    output,
    ...(await shown(ctx, shell, entry)),
    ...(exitCode !== undefined && { exitCode }),
    rest: describeOutputFile(spool),
  };
  if (exitCode === 0 && reason === undefined) return { ok: true, ...common };
  return { ok: false, reason: reasonOf(ended), ...common };
}

const waiting = (output: string, shell: string): string =>
  `${output}\n[The command is still running and waits for input. Answer with shell_write_to_process in the shell session ` +
  `${shell}, then follow it with shell_wait; or stop it with shell_kill_process, and run it with options that avoid prompts.]`;

const inputPollMs = 1_500;

/** Ignores failed queries, because `follow` reports them. */
function watchForInput({ sandbox, signal }: ToolContext, operation: string): Disposable & { signal: AbortSignal } {
  const requested = new AbortController();
  const over = new AbortController();
  const until = combineSignals([signal, over.signal]);
  const look = async () => {
    const now = await sandbox.operation(operation, until);
    if (now?.asks) requested.abort();
    return now?.asks || now?.state !== 'running' ? true : undefined;
  };
  poll(look, { everyMs: inputPollMs, firstMs: inputPollMs }, until).catch(() => {});
  return { signal: requested.signal, [Symbol.dispose]: () => over.abort() };
}

// maximum bytes of live output in the log; a result keeps fewer bytes
const watchedBytes = 256 * 1024;
// maximum bytes read from the end of output that redraws itself, such as a progress bar
const redrawnBytes = 4 * 1024 * 1024;
const beyondAll = Number.MAX_SAFE_INTEGER; // skips all output and only waits for the end

async function follow(
  { sandbox }: ToolContext,
  operation: string,
  { signal, tell }: { signal: AbortSignal; tell: (text: string) => void },
): Promise<{ ended: OperationEntry | undefined; output: string }> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const screen = new ScreenText();
  const output = new BoundedOutput();
  const enough = new AbortController();
  let position = 0;
  const listener = (chunk: Uint8Array) => {
    position += chunk.length;
    const text = decoder.decode(chunk, { stream: true });
    output.addText(screen.add(text));
    tell(text);
    if (position >= watchedBytes) enough.abort();
  };
  const listen = (from: number, hear: (chunk: Uint8Array) => void, until: AbortSignal) =>
    sandbox.follow(operation, from, hear, until).catch((thrown: unknown) => {
      if (until.aborted) return undefined;
      throw thrown;
    });
  let ended = await listen(0, listener, combineSignals([signal, enough.signal]));
  tell(decoder.decode());
  const rest = new TextDecoder('utf-8', { ignoreBOM: true });
  if (!ended && !signal.aborted) {
    ended = await listen(beyondAll, () => {}, signal);
    const from = Math.max(position, (ended?.bytes ?? 0) - (screen.isRedrawn ? redrawnBytes : BoundedOutput.tailBytes));
    if (from > position) output.addText(screen.end());
    output.skip(from - position);
    let isCut = from > position;
    const add = (chunk: Uint8Array) => {
      const whole = isCut ? chunk.subarray(countOrphanBytes(chunk)) : chunk;
      isCut = false;
      output.addText(screen.add(rest.decode(whole, { stream: true })));
    };
    if (ended) await listen(from, add, signal);
  }
  output.addText(screen.end());
  return { ended, output: output.text() };
}

/** Counts decoded text, so that invalid bytes cannot shift the position. */
function after(bytes: number, tell: (text: string) => void): (text: string) => void {
  let known = bytes;
  return (text) => {
    const encoded = Buffer.from(text);
    const fresh = known === 0 ? text : encoded.subarray(known).toString();
    known = Math.max(0, known - encoded.length);
    if (fresh !== '') tell(fresh);
  };
}

function reasonOf({ reason, exitCode }: OperationEntry): 'timed_out' | 'oom' | 'cancelled' | 'interrupted' | 'failed' {
  if (reason === 'killed') return 'cancelled';
  if (reason === 'lost' || exitCode === undefined) return 'interrupted';
  return reason ?? 'failed';
}
const verdict = (operation: OperationEntry): string =>
  operation.exitCode === 0
    ? 'exit code 0'
    : `${reasonOf(operation).replace('_', ' ')}, exit code ${operation.exitCode ?? 'unknown'}`;

const busy = (shell: string): ToolResult => ({
  ok: false,
  reason: 'refused',
  output:
    `Shell session ${shell} is still running a command. Wait for it with shell_wait, stop it with shell_kill_process, ` +
    'or use another id.',
});

type ConsoleContent = Extract<ToolContent, { console: unknown }>;
type Console = ConsoleContent['console'];

/** Falls back to `entry`, so that the command's result is returned even if the read fails. */
async function shown(
  ctx: ToolContext,
  shell: string,
  entry?: Console[number],
): Promise<{ content: ToolContent | null }> {
  try {
    return { content: await readShellConsole(ctx.sandbox, shell, ctx.signal) };
  } catch {
    return { content: entry ? { console: [entry] } : null };
  }
}

export async function readShellConsole(
  sandbox: Pick<ToolContext['sandbox'], 'view'>,
  shell: string,
  signal: AbortSignal,
): Promise<ConsoleContent> {
  const { console, running } = await sandbox.view(shell, signal, { chars: maxConsoleChars });
  return { console: await boundedConsole(console), ...(running !== undefined && { running: true }) };
}

export const maxConsoleChars = 256 * 1024; // keeps one event within the stores' limits

const boundedConsole = (console: readonly ConsoleEntry[]): Promise<Console> =>
  readNewestOutputs(
    console.map(({ ps1, command, output }) => ({ ps1, command, text: () => truncateOutput(output) })),
    maxConsoleChars,
  );

function upTo(ms: number, signal: AbortSignal): Disposable & { signal: AbortSignal } {
  const over = new AbortController();
  const both = combineSignals([signal, over.signal]);
  sleep(ms, both).then(
    () => over.abort(),
    () => {},
  );
  return { signal: both, [Symbol.dispose]: () => over.abort() };
}
