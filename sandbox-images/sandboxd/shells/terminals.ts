import { Duplex } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { TerminalEnd, TerminalEntry } from '../../../src/sandboxes/client/client.ts';
import { type Daemon, daemonLimits } from '../daemon.ts';
import { endProcessTree } from '../processes/end-processes.ts';
import type { ProcessStat } from '../processes/proc.ts';
import { createOrphanRule, type DaemonState } from '../shared-state.ts';
import { createOperationVariables } from './environment.ts';
import { markTerminalsOpened } from './recover.ts';
import { openInteractiveTerminal, resizeTty, type Terminal, waitForTerminalProgram } from './terminal.ts';
import { TerminalReplay } from './terminal-replay.ts';

/** Has one writer and one reader. `give` resolves when the chunk is taken or the stream closes. */
interface ChunkHandoff {
  give(chunk: Uint8Array): Promise<void>;
  /** Ends the stream. A pending chunk is still delivered. */
  close(): void;
  readonly chunks: AsyncIterable<Uint8Array>;
}

function createChunkHandoff(first?: Uint8Array): ChunkHandoff {
  let lying: Uint8Array | undefined;
  let isOver = false;
  let bell = Promise.withResolvers<void>();
  const ring = () => {
    bell.resolve();
    bell = Promise.withResolvers();
  };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (first && first.length > 0) yield first;
    for (;;) {
      if (lying) {
        yield lying;
        lying = undefined;
        ring();
      } else if (isOver) return;
      else await bell.promise;
    }
  }
  return {
    async give(chunk) {
      if (isOver) return;
      lying = chunk;
      ring();
      while (lying === chunk && !isOver) await bell.promise;
    },
    close() {
      isOver = true;
      ring();
    },
    chunks: chunks(),
  };
}

interface Reader {
  readonly handoff: ChunkHandoff;
  end: TerminalEnd;
}

/** A new reader replaces the previous one. */
export class TerminalView {
  readonly #screen = new TerminalReplay();
  #reader: Reader | undefined;

  set rows(rows: number) {
    this.#screen.rows = rows;
  }

  async show(chunk: Uint8Array): Promise<void> {
    // Store and deliver in one event-loop turn, so that a new reader gets the chunk exactly once.
    this.#screen.push(chunk);
    await this.#reader?.handoff.give(chunk);
  }

  dismiss(end: TerminalEnd): void {
    if (!this.#reader) return;
    this.#reader.end = end;
    this.#reader.handoff.close();
    this.#reader = undefined;
  }

  read(signal: AbortSignal): { readonly chunks: AsyncIterable<Uint8Array>; end(): TerminalEnd } {
    this.dismiss('replaced');
    const reader: Reader = { handoff: createChunkHandoff(this.#screen.last()), end: 'exited' };
    this.#reader = reader;
    const left = () => {
      reader.handoff.close();
      if (this.#reader === reader) this.#reader = undefined;
    };
    signal.addEventListener('abort', left, { once: true });
    if (signal.aborted) left();
    return { chunks: reader.handoff.chunks, end: () => reader.end };
  }
}

/** Write-only. Further input waits until `type` calls `taken`. */
export function createKeystrokeStream(type: (bytes: Buffer, taken: () => void) => void): Duplex {
  const created = new Duplex({
    read() {},
    write: (bytes: Buffer, _encoding, taken) => type(bytes, () => taken()),
    final(done) {
      done();
      created.destroy();
    },
  });
  return created.on('error', () => {});
}

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
const maxUnread = 1024 * 1024;

export function createTerminalOperations(parts: DaemonState): TerminalOperations {
  const { clock, place, keepers, stateDir } = parts;
  const all = new Map<string, OpenTerminal>();
  const opening = new Map<string, Promise<TerminalEntry>>();

  async function open(id: string): Promise<TerminalEntry> {
    if (all.size + opening.size >= daemonLimits.terminals) throw createTooManyTerminalsError();
    await markTerminalsOpened(stateDir);
    const operation = `terminal-${id}`;
    const env = { ...parts.env, ...createOperationVariables(operation, undefined), CORRAL_MARK: operation };
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
    } catch {}
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
    async resizeTerminal(id, size) {
      const { device, view } = existing(id);
      view.rows = size.rows;
      await resizeTty(device, size);
    },
    async closeTerminal(id) {
      const opened = existing(id);
      forget(opened, 'deleted');
      opened.terminal.close();
      const strays = createOrphanRule(parts, opened.entry.startedAt);
      await endProcessTree({ name: 'CORRAL_OPERATION', value: opened.operation, strays }, { spared: keepers.spared });
    },
  };
}

async function waitForDevice(terminal: Terminal): Promise<string> {
  let isOver = false;
  void terminal.closed
    .catch(() => {})
    .finally(() => {
      isOver = true;
    });
  const isShell = ({ ppid, name }: ProcessStat) => ppid === terminal.pid && name === 'bash';
  const found = await waitForTerminalProgram(isShell, () => isOver);
  if (found) return found.device;
  throw new AppError('sandbox_unavailable', 'The sandbox could not start a shell; it may have reached its limits.');
}

export const createTooManyTerminalsError = () =>
  new AppError('conflict', `There are already ${daemonLimits.terminals} terminals, the maximum. Close one first.`);
