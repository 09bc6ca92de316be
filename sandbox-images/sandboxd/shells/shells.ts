import { AppError } from '../../../src/core/errors/errors.ts';
import { type LazyConsoleEntry, readNewestOutputs } from '../../../src/core/model/shell-console.ts';
import type { OperationEntry, OperationSpec } from '../../../src/sandboxes/client/client.ts';
import type { Daemon } from '../daemon.ts';
import { endProcessTree } from '../processes/end-processes.ts';
import { readProcessVariable, scanProcesses } from '../processes/proc.ts';
import type { DaemonState } from '../shared-state.ts';
import { launchOperation, type PendingRunStop, type RunningOperation } from './operation.ts';
import { readLastShellState, resolveStartFolder, type ShellState } from './shell-state.ts';
import { readSpool, readSpoolTail } from './spool.ts';

export type ShellOperations = Pick<Daemon, 'start' | 'operation' | 'output' | 'write' | 'kill' | 'view'> & {
  endTagged(tag: string, within: PendingRunStop): Promise<void>;
};

interface Shell {
  standing: ShellState;
  busy: boolean;
  running: RunningOperation | undefined;
  readonly history: LazyConsoleEntry[];
}
const historyLength = 20;
const maxShells = 32;

export function createShellOperations(parts: DaemonState): ShellOperations {
  const { place, journal, stateDir } = parts;
  const open = new Map<string, Shell>();
  const operations = new Map<string, RunningOperation>();
  const starting = new Map<string, Promise<OperationEntry>>();

  const operation = (id: string): OperationEntry | undefined => {
    const live = operations.get(id);
    if (!live) return journal.get(id)?.operation;
    return live.asks() ? { ...live.now(), asks: true } : live.now();
  };

  async function start(request: OperationSpec): Promise<OperationEntry> {
    const known = starting.get(request.id) ?? operation(request.id);
    if (known) return await known;
    const first = begin(request).finally(() => starting.delete(request.id));
    starting.set(request.id, first);
    return await first;
  }

  async function begin(request: OperationSpec): Promise<OperationEntry> {
    const shell = (await find(request.shell)) ?? make(request.shell);
    if (shell.busy) {
      const { id } = shell.running?.now() ?? { id: 'another command' };
      throw new AppError('conflict', `The shell session ${request.shell} is still busy with ${id}.`);
    }
    shell.busy = true;
    if (request.fresh) shell.standing = { cwd: place.root };
    try {
      const cwd = await resolveStartFolder(place, request, shell.standing);
      const live = await launchOperation(parts, request, { ...shell.standing, cwd });
      shell.running = live;
      operations.set(request.id, live);
      shell.history.push(live.shown);
      if (shell.history.length > historyLength) shell.history.shift();
      void live.ended.then((standing) => {
        shell.standing = standing ?? { ...shell.standing, cwd };
        shell.running = undefined;
        shell.busy = false;
        forgetOld();
      });
      return live.now();
    } catch (thrown) {
      shell.busy = false;
      throw thrown;
    }
  }

  function forgetOld(): void {
    for (const [id, live] of operations) {
      if (operations.size <= 200) return;
      if (live.now().state === 'exited') operations.delete(id);
    }
  }

  async function find(id: string): Promise<Shell | undefined> {
    const known = open.get(id);
    if (known) {
      open.delete(id); // keeps the least recently used entry first
      open.set(id, known);
      return known;
    }
    const before = journal.all().filter((entry) => entry.shell === id);
    if (before.length === 0) return undefined;
    const standing = readLastShellState(stateDir, id) ?? { cwd: place.root };
    const shell = open.get(id) ?? make(id); // another caller may have created the shell
    shell.standing = standing;
    if (shell.history.length > 0) return shell;
    for (const { ps1, command, operation } of before.slice(-historyLength)) {
      shell.history.push({ ps1, command, text: () => readSpoolTail(place, operation.spool) });
    }
    return shell;
  }

  function make(id: string): Shell {
    if (open.size >= maxShells) {
      const idle = [...open].find(([, shell]) => !shell.busy);
      if (!idle) throw new AppError('conflict', `${maxShells} shell sessions are busy; wait for one or kill one.`);
      open.delete(idle[0]);
    }
    const shell: Shell = { standing: { cwd: place.root }, busy: false, running: undefined, history: [] };
    open.set(id, shell);
    return shell;
  }

  async function existing(id: string): Promise<Shell> {
    const shell = await find(id);
    if (!shell) throw new AppError('shell_not_found', `There is no shell session ${id}.`);
    return shell;
  }

  async function* output(id: string, fromByte: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const live = operations.get(id);
    const entry = live?.now() ?? journal.get(id)?.operation;
    if (!entry) throw new AppError('not_found', `There is no operation ${id}.`);
    let position = fromByte;
    const buffer = Buffer.allocUnsafeSlow(64 * 1024);
    while (!signal.aborted) {
      const change = live?.change(); // obtained first, to notice output that arrives during the read
      const over = (live?.now() ?? entry).state === 'exited';
      const chunk = await (live?.spool.read(position, buffer) ?? readSpool(place, entry.spool, position, buffer));
      position += chunk.length;
      if (chunk.length > 0) yield chunk;
      else if (over) return;
      else await Promise.race([change, fired(signal)]);
    }
  }

  async function endBackground(shell: string): Promise<void> {
    const mine = new Set(journal.all().flatMap((entry) => (entry.shell === shell ? [entry.operation.id] : [])));
    const marks = new Set(scanProcesses().map(({ pid }) => readProcessVariable(pid, 'CORRAL_OPERATION')));
    const left = [...mine].filter((id) => marks.has(id));
    const { spared } = parts.keepers;
    const end = (value: string) => endProcessTree({ name: 'CORRAL_OPERATION', value, strays: () => false }, { spared });
    await Promise.all(left.map(end));
  }

  return {
    start,
    operation,
    output,
    async write(id, text) {
      const { running } = await existing(id);
      if (!running) throw new AppError('conflict', `Nothing runs in the shell session ${id}.`);
      running.write(text);
    },
    async kill(id) {
      const { running } = await existing(id);
      await running?.end('killed');
      await endBackground(id);
    },
    async view(id, chars = Number.POSITIVE_INFINITY) {
      const { history, running } = await existing(id);
      const console = await readNewestOutputs(history, chars);
      return { id, console, ...(running && { running: running.now().id }) };
    },
    async endTagged(tag, within) {
      const mine = [...operations.values()].filter((live) => live.tag === tag && live.now().state === 'running');
      await Promise.all(mine.map((live) => live.end('killed', within)));
    },
  };
}

async function fired(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}
