import { execFile } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { sleep } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { TerminalEnd, TerminalEntry } from '../../../src/sandboxes/client/client.ts';
import { type Daemon, daemonLimits } from '../daemon.ts';
import { endProcessTree } from '../processes/end-processes.ts';
import { scanProcesses } from '../processes/proc.ts';
import { createOrphanRule, type DaemonState } from '../shared-state.ts';
import { createProcessMarks } from './environment.ts';
import { createKeystrokeStream } from './keyboard.ts';
import { markTerminalsOpened } from './recover.ts';
import { openInteractiveTerminal, type Terminal } from './terminal.ts';
import { TerminalView } from './terminal-view.ts';

export type TerminalOperations = Pick<
  Daemon,
  'openTerminal' | 'terminals' | 'readTerminal' | 'typeTerminal' | 'keyboard' | 'resizeTerminal' | 'closeTerminal'
>;
interface OpenTerminal {
  readonly entry: TerminalEntry;
  readonly terminal: Terminal;
  readonly device: string;
  readonly operation: string;
  readonly view: TerminalView;
}
const startMs = 5_000;
const maxUnread = 1024 * 1024;

/** Each terminal keeps its last screenful for the next viewer. */
export function createTerminalOperations(parts: DaemonState): TerminalOperations {
  const { clock, place, keepers, stateDir } = parts;
  const all = new Map<string, OpenTerminal>();
  const opening = new Map<string, Promise<TerminalEntry>>();

  async function open(id: string): Promise<TerminalEntry> {
    if (all.size + opening.size >= daemonLimits.terminals) throw createTooManyTerminalsError();
    await markTerminalsOpened(stateDir);
    const operation = `terminal-${id}`;
    const env = { ...parts.env, ...createProcessMarks(operation, undefined), CORRAL_MARK: operation };
    const terminal = await openInteractiveTerminal({ cwd: place.root, env }).catch((cause: unknown) => {
      throw new AppError('unsupported', 'This sandbox cannot open terminals: its image has no `script`.', { cause });
    });
    keepers.add(terminal.pid);
    const device = await waitForDevice(terminal).catch((thrown: unknown) => {
      terminal.close();
      keepers.delete(terminal.pid);
      throw thrown;
    });
    const entry = { id, startedAt: clock.now() };
    const opened: OpenTerminal = { entry, terminal, device, operation, view: new TerminalView() };
    all.set(id, opened);
    void pump(opened);
    return entry;
  }

  async function pump(opened: OpenTerminal): Promise<void> {
    try {
      for await (const chunk of opened.terminal.output) {
        parts.touch();
        await opened.view.show(chunk);
      }
    } catch {} // the daemon closed the terminal
    forget(opened, 'exited');
  }
  function forget(opened: OpenTerminal, end: TerminalEnd): void {
    const { id } = opened.entry;
    if (all.get(id) !== opened) return;
    all.delete(id);
    keepers.delete(opened.terminal.pid);
    opened.view.dismiss(end);
  }
  function existing(id: string): OpenTerminal {
    const opened = all.get(id);
    if (!opened) throw new AppError('shell_not_found', `There is no terminal ${id}.`);
    return opened;
  }

  return {
    async openTerminal(id) {
      const known = all.get(id)?.entry ?? opening.get(id);
      if (known) return await known;
      const first = open(id).finally(() => opening.delete(id));
      opening.set(id, first);
      return await first;
    },
    terminals: () => [...all.values()].map(({ entry }) => entry),
    readTerminal: (id, signal) => existing(id).view.read(signal),
    async typeTerminal(id, text) {
      const { input } = existing(id).terminal;
      if (input.writableLength + text.length > maxUnread) {
        throw new AppError('conflict', 'The program in the terminal is not reading its input: over 1 MiB is waiting.');
      }
      input.write(text);
    },
    async keyboard(id) {
      const { input } = existing(id).terminal;
      const stream = createKeystrokeStream((bytes, taken) => void input.write(bytes, taken));
      const over = () => void stream.destroy();
      input.once('close', over);
      return stream.once('close', () => void input.off('close', over));
    },
    async resizeTerminal(id, { cols, rows }) {
      const { device, view } = existing(id);
      view.rows = rows;
      // `stty` sets the size in the kernel, and the kernel signals the foreground program.
      await promisify(execFile)('stty', ['-F', device, 'cols', String(cols), 'rows', String(rows)]).catch(() => {});
    },
    async closeTerminal(id) {
      const opened = existing(id);
      forget(opened, 'deleted');
      opened.terminal.close(); // the kernel then sends SIGHUP to the terminal's processes
      const strays = createOrphanRule(parts, opened.entry.startedAt);
      await endProcessTree({ name: 'CORRAL_OPERATION', value: opened.operation, strays }, { spared: keepers.spared });
    },
  };
}

async function waitForDevice(terminal: Terminal): Promise<string> {
  const patience = AbortSignal.timeout(startMs);
  let isOver = false;
  void terminal.closed
    .catch(() => {})
    .finally(() => {
      isOver = true;
    });
  while (!isOver && !patience.aborted) {
    const shell = scanProcesses().find(({ ppid, name }) => ppid === terminal.pid && name === 'bash');
    const device = shell && readLinkTarget(`/proc/${shell.pid}/fd/0`);
    if (device?.startsWith('/dev/pts/')) return device;
    await sleep(5, patience).catch(() => {});
  }
  throw new AppError('sandbox_unavailable', 'The sandbox could not start a shell; it may have reached its limits.');
}

function readLinkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // the terminal has just closed
  }
}

export const createTooManyTerminalsError = () =>
  new AppError('conflict', `There are already ${daemonLimits.terminals} terminals, the maximum. Close one first.`);
