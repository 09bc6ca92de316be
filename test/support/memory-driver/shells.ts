import type { Daemon } from '../../../sandbox-images/sandboxd/daemon.ts';
import { daemonLimits } from '../../../sandbox-images/sandboxd/daemon.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { formatShellPrompt } from '../../../src/core/model/prompt.ts';
import { readNewestOutputs } from '../../../src/core/model/shell-console.ts';
import type { OperationSpec } from '../../../src/sandboxes/client/client.ts';
import { fired, inBackground, type SandboxParts, sleeping, untilKilled } from './command-context.ts';
import { interpret } from './interpreter.ts';
import { type MemoryOperation, runCommand } from './operation.ts';

interface Shell {
  cwd: string;
  readonly env: Record<string, string>;
  running: MemoryOperation | undefined;
  readonly history: { ps1: string; command: string; operation: MemoryOperation }[];
}

/** The memory sandbox's shell sessions and commands, with the real daemon's rules. */
export function memoryShells(
  inside: SandboxParts,
): Pick<Daemon, 'start' | 'operation' | 'output' | 'write' | 'kill' | 'view' | 'exec'> {
  const { files, clock } = inside;
  const shells = new Map<string, Shell>();
  const operations = new Map<string, MemoryOperation>();

  const existing = (id: string): Shell => {
    const shell = shells.get(id);
    if (!shell) throw new AppError('shell_not_found', `There is no shell session ${id}.`);
    return shell;
  };
  const folder = (cwd: string | undefined, otherwise: string): string => {
    if (cwd === undefined) return files.isFolder(otherwise) ? otherwise : files.root;
    const full = files.locate(cwd);
    if (!files.isFolder(full)) throw new AppError('invalid_request', `There is no folder ${cwd}.`);
    return full;
  };

  async function start(request: OperationSpec) {
    const known = operations.get(request.id);
    if (known) return known.now();
    const shell: Shell = shells.get(request.shell) ?? { cwd: files.root, env: {}, running: undefined, history: [] };
    if (shell.running) throw new AppError('conflict', `The shell session ${request.shell} is still busy.`);
    const cwd = folder(request.cwd, shell.cwd);
    shells.set(request.shell, shell);
    shell.cwd = cwd;
    const operation = runCommand(inside, request, shell);
    operations.set(request.id, operation);
    shell.running = operation;
    shell.history.push({ ps1: formatShellPrompt(files.root, cwd), command: request.command, operation });
    void operation.ended.then(() => {
      shell.running = undefined;
    });
    return operation.now();
  }

  return {
    start,
    operation: (id) => operations.get(id)?.now(),
    async *output(id, fromByte, signal) {
      const operation = operations.get(id);
      if (!operation) throw new AppError('not_found', `There is no operation ${id}.`);
      let position = fromByte;
      while (!signal.aborted) {
        const change = operation.change();
        const over = operation.now().state === 'exited';
        const chunk = operation.read(position);
        position += chunk.length;
        if (chunk.length > 0) yield chunk;
        else if (over) return;
        else await Promise.race([change, fired(signal)]);
      }
    },
    async write(id, text) {
      const { running } = existing(id);
      if (!running) throw new AppError('conflict', `Nothing runs in the shell session ${id}.`);
      running.write(text);
    },
    async kill(id) {
      const { running } = existing(id);
      running?.end('killed');
      await running?.ended;
    },
    async view(id, chars = Number.POSITIVE_INFINITY) {
      const { history, running } = existing(id);
      const commands = history.slice(-20).map(({ ps1, command, operation }) => {
        return { ps1, command, text: () => operation.read(Math.max(0, operation.now().bytes - 65_536)).toString() };
      });
      const console = await readNewestOutputs(commands, chars);
      return { id, console, ...(running && { running: running.now().id }) };
    },
    async exec(request, signal) {
      const process = inside.processes.start(request.command, request.tag);
      const cwd = folder(request.cwd, files.root);
      let timedOut = false;
      const stop = () => inside.processes.end(process.pid, 137);
      const expire = () => {
        timedOut = true;
        stop();
      };
      const timer = request.timeoutMs === undefined ? undefined : clock.setTimeout(expire, request.timeoutMs);
      signal.addEventListener('abort', stop, { once: true });
      const [stdout, stderr] = [collected(files), collected(files)];
      const input = (request.stdin ?? '').match(/[^\n]+\n?|\n/g) ?? [];
      const exitCode = await untilKilled(
        process,
        interpret(request.command, {
          files,
          cwd,
          env: {},
          out: stdout.add,
          err: (text) => stderr.add(Buffer.from(text)),
          readLine: async () => input.shift(),
          sleep: (ms) => sleeping(clock, ms, process.killed),
          background: inBackground(inside, request.tag),
          signal: process.killed,
        }),
      );
      process.done();
      clock.clearTimeout(timer);
      const ended = { exitCode: timedOut ? 124 : exitCode, stdout: stdout.text(), stderr: stderr.text(), timedOut };
      const name = `.corral/output/exec-${process.pid}`;
      const [out, errors] = [stdout.whole(`${name}.stdout`), stderr.whole(`${name}.stderr`)];
      if ((out ?? errors) === undefined) return ended;
      return { ...ended, wholeIn: { ...(out && { stdout: out }), ...(errors && { stderr: errors }) } };
    },
  };
}

const keptBytes = 8 * daemonLimits.execBytes;

/** The first MiB is the answer. Longer output is kept as a file of the sandbox, up to 8 MiB. */
function collected(files: SandboxParts['files']) {
  const parts: Uint8Array[] = [];
  let size = 0;
  return {
    async add(bytes: Uint8Array) {
      parts.push(bytes.subarray(0, Math.max(0, keptBytes - size)));
      size += bytes.length;
      await new Promise(setImmediate); // yields, so that endless output does not block others
    },
    text: () => Buffer.concat(parts).subarray(0, daemonLimits.execBytes).toString(),
    /** The file with the full output, if the text is only its beginning. */
    whole(file: string): string | undefined {
      if (size <= daemonLimits.execBytes) return undefined;
      files.write(files.locate(file), Buffer.concat(parts));
      return file;
    },
  };
}
