import type { OperationEntry, OperationSpec } from '../../../src/sandboxes/client/client.ts';
import { type CommandContext, inBackground, type SandboxParts, sleeping, untilKilled } from './command-context.ts';
import { interpret } from './interpreter.ts';

export interface MemoryOperation {
  now(): OperationEntry;
  read(from: number): Buffer;
  change(): Promise<void>;
  write(text: string): void;
  end(reason: 'killed' | 'timed_out'): void;
  readonly ended: Promise<void>;
}

const spoolCap = 1024 * 1024;

/** Runs one command of the memory sandbox. `cd` and `export` change the shell's folder and environment. */
export function runCommand(
  inside: SandboxParts,
  request: OperationSpec,
  shell: { cwd: string; env: Record<string, string> },
): MemoryOperation {
  const { clock, files, processes } = inside;
  const { id, command, tag } = request;
  const spool = `.corral/output/${id}.log`;
  const path = files.locate(spool);
  const process = processes.start(command, tag);
  let operation: OperationEntry = { id, state: 'running', bytes: 0, spool, pid: process.pid, startedAt: clock.now() };
  let reason: OperationEntry['reason'];
  let bell = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const input: string[] = [];
  let typed = Promise.withResolvers<void>();
  let output = Buffer.alloc(0);
  const ring = () => {
    bell.resolve();
    bell = Promise.withResolvers();
  };
  const out = async (bytes: Uint8Array) => {
    if (operation.state === 'exited') return;
    output = Buffer.concat([output, bytes.subarray(0, spoolCap - output.length)]);
    operation = { ...operation, bytes: output.length };
    ring();
    await new Promise(setImmediate); // yields, so that endless output does not block others
  };
  const end: MemoryOperation['end'] = (why) => {
    if (operation.state === 'running') reason ??= why;
    processes.end(process.pid, 143);
  };
  const { timeoutMs } = request;
  const timer = timeoutMs === undefined ? undefined : clock.setTimeout(() => end('timed_out'), timeoutMs);

  const surroundings: CommandContext = {
    files,
    cwd: shell.cwd,
    env: shell.env,
    out,
    err: (text) => out(Buffer.from(text)),
    async readLine() {
      while (input.length === 0) await typed.promise;
      return input.shift();
    },
    sleep: (ms) => sleeping(clock, ms, process.killed),
    background: inBackground(inside, tag),
    signal: process.killed,
  };
  void untilKilled(process, interpret(command, surroundings)).then((measured) => {
    process.done();
    clock.clearTimeout(timer);
    shell.cwd = surroundings.cwd;
    if (process.killed.aborted) reason ??= 'killed';
    files.write(path, output);
    const exitCode = reason === 'timed_out' ? 124 : measured;
    operation = { ...operation, state: 'exited', exitCode, endedAt: clock.now(), ...(reason && { reason }) };
    ended.resolve();
    ring();
  });

  return {
    now: () => operation,
    read: (from) => output.subarray(from),
    change: () => bell.promise,
    write(text) {
      input.push(...(text.match(/[^\n]+\n?|\n/g) ?? []));
      typed.resolve();
      typed = Promise.withResolvers();
    },
    end,
    ended: ended.promise,
  };
}
