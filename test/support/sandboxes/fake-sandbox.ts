import { posix } from 'node:path';
import { AppError } from '../../../src/core/errors/errors.ts';
import { createDaemonTrust } from '../../../src/sandboxes/client/answers/daemon-trust.ts';
import type { OperationEntry, OperationSpec, SandboxClient, ShellView } from '../../../src/sandboxes/client/client.ts';
import { incapable } from './incapable.ts';
import { noDesktop } from './no-desktop.ts';
import { endCommand, operationOf, type RunningCommand } from './operations.ts';

/** The behaviour of a command: its output in chunks, then its end; with `hangs` it waits for a kill or the signal. */
export interface Behaviour {
  readonly chunks?: readonly (string | Uint8Array)[];
  readonly exitCode?: number;
  readonly reason?: NonNullable<OperationEntry['reason']>;
  readonly hangs?: boolean;
  /** Hangs because it waits for input. */
  readonly asks?: true;
}
export type FakeSandbox = SandboxClient & {
  readonly files: Map<string, Buffer>;
  readonly started: OperationSpec[];
  readonly typed: string[];
};
interface FakeCommand extends RunningCommand {
  readonly behaviour: Behaviour;
  readonly output: Buffer;
}

/** A sandbox in memory: the function determines the output of each command, and a shell runs one command at a time. */
export function fakeSandbox(behave: (command: string) => Behaviour = () => ({})): FakeSandbox {
  const workdir = '/workspace';
  const files = new Map<string, Buffer>();
  const operations = new Map<string, FakeCommand>();
  const started: OperationSpec[] = [];
  const typed: string[] = [];
  const inShell = (shell: string) => [...operations.values()].filter(({ request }) => request.shell === shell);
  const busyIn = (shell: string) => inShell(shell).find(({ end }) => end === undefined);

  const absolute = (path: string): string => {
    const full = posix.resolve(workdir, path);
    if (full !== workdir && !full.startsWith(`${workdir}/`)) {
      throw new AppError('path_outside', `${path} is outside the workspace.`);
    }
    return full;
  };
  const bytesOf = (path: string): Buffer => {
    const bytes = files.get(absolute(path));
    if (!bytes) throw new AppError('file_not_found', `There is no file ${path}.`);
    return bytes;
  };
  const unused = async (): Promise<never> => {
    throw new Error('the fake sandbox cannot do this');
  };

  return {
    workdir,
    trust: createDaemonTrust(),
    files,
    started,
    typed,
    health: async () => ({ version: '0', bootId: 'boot', idleMs: 0, oomKills: 0 }),
    usage: async () => ({ cpuSeconds: 1.5, memoryBytes: 1_000, memoryLimitBytes: 4_000, processes: 2 }),
    async start(request) {
      const known = operations.get(request.id);
      if (known) return operationOf(known);
      if (busyIn(request.shell)) throw new AppError('conflict', 'The shell session runs something.');
      if (request.cwd !== undefined) absolute(request.cwd);
      const behaviour = behave(request.command);
      const output = Buffer.concat((behaviour.chunks ?? []).map((chunk) => Buffer.from(chunk as string)));
      const running: FakeCommand = { request, behaviour, output, over: Promise.withResolvers(), end: undefined };
      operations.set(request.id, running);
      started.push(request);
      const { exitCode = 0, reason } = behaviour;
      if (!behaviour.hangs) endCommand(running, { exitCode, ...(reason && { reason }) });
      return operationOf(running);
    },
    operation: async (id) => {
      const found = operations.get(id);
      return found && { ...operationOf(found), ...(found.behaviour.asks && !found.end && { asks: true as const }) };
    },
    async follow(id, fromByte, onBytes, signal) {
      const running = operations.get(id);
      if (!running) throw new AppError('not_found', 'There is no such operation.');
      let at = 0;
      for (const chunk of running.behaviour.chunks ?? []) {
        const bytes = Buffer.from(chunk as string);
        const fresh = bytes.subarray(Math.max(0, fromByte - at));
        at += bytes.length;
        if (fresh.length > 0) onBytes(fresh);
      }
      const fired = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => fired.resolve(), { once: true });
      if (signal.aborted) fired.resolve();
      await Promise.race([running.over.promise, fired.promise]);
      if (!running.end) throw new AppError('cancelled', 'The operation was cancelled.');
      return operationOf(running);
    },
    async write(shell, text) {
      if (!busyIn(shell)) throw new AppError('conflict', `Nothing runs in shell session ${shell}.`);
      typed.push(text);
    },
    async kill(shell) {
      const running = busyIn(shell);
      if (running) endCommand(running, { exitCode: 143, reason: 'killed' });
    },
    async view(shell) {
      const entries = inShell(shell);
      if (entries.length === 0) throw new AppError('shell_not_found', `There is no shell session ${shell}.`);
      const console = entries.map(({ request, output }) => ({
        ps1: 'corral:~$ ',
        command: request.command,
        output: output.toString(),
      }));
      const running = busyIn(shell)?.request.id;
      return { id: shell, console, ...(running && { running }) } satisfies ShellView;
    },
    killTagged: unused,
    exec: unused,
    readFile: async (path) => bytesOf(path),
    openFile: unused,
    async writeFile(path, content, _signal, options) {
      const before = options?.append ? (files.get(absolute(path)) ?? Buffer.alloc(0)) : Buffer.alloc(0);
      files.set(absolute(path), Buffer.concat([before, Buffer.from(content as string)]));
    },
    async listFiles(path) {
      const folder = path === '.' ? '/workspace' : absolute(path);
      const below = [...files.keys()].filter((name) => name.startsWith(`${folder}/`));
      const names = new Set(below.map((name) => name.slice(folder.length + 1).split('/')[0] as string));
      return [...names].map((name) => ({ name, type: 'file' as const, size: 0, modified: '2026-01-01T00:00:00Z' }));
    },
    removeFile: async (path) => void files.delete(absolute(path)),
    async find(path, glob) {
      const below = [...files.keys()].filter((name) => name.startsWith(absolute(path)));
      return { matches: below.filter((name) => posix.matchesGlob(posix.basename(name), glob)), truncated: false };
    },
    async grep(path, regex) {
      const names = [...files.keys()].filter((name) => name.startsWith(absolute(path)));
      const lines = names.flatMap((file) =>
        bytesOf(file)
          .toString()
          .split('\n')
          .map((content, at) => ({ file, line: at + 1, content })),
      );
      return { matches: lines.filter(({ content }) => new RegExp(regex).test(content)), truncated: false };
    },
    processes: async () => [],
    signalProcess: unused,
    ...incapable(unused),
    desktop: noDesktop(),
  };
}
