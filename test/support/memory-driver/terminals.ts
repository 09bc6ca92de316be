import { addAbortListener } from 'node:events';
import { StringDecoder } from 'node:string_decoder';
import { type Daemon, daemonLimits } from '../../../sandbox-images/sandboxd/daemon.ts';
import { createKeystrokeStream, TerminalView } from '../../../sandbox-images/sandboxd/shells/terminals.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { TerminalEnd, TerminalEntry } from '../../../src/sandboxes/client/client.ts';
import { type CommandContext, inBackground, type SandboxParts, sleeping } from './command-context.ts';
import { interpret } from './interpreter.ts';

type MemoryTerminals = Pick<
  Daemon,
  'openTerminal' | 'terminals' | 'readTerminal' | 'typeTerminal' | 'keyboard' | 'resizeTerminal' | 'closeTerminal'
> & { endAll(): void };
interface OpenTerminal {
  readonly entry: TerminalEntry;
  readonly around: CommandContext;
  readonly closed: AbortController;
  readonly view: TerminalView;
  typed: string;
  last: Promise<unknown>;
}

/** The memory sandbox's terminals: they echo input, and run the sandbox's few commands line by line. */
export function memoryTerminals(inside: SandboxParts): MemoryTerminals {
  const { clock, files } = inside;
  const all = new Map<string, OpenTerminal>();

  const existing = (id: string): OpenTerminal => {
    const opened = all.get(id);
    if (!opened) throw new AppError('shell_not_found', `There is no terminal ${id}.`);
    return opened;
  };
  const end = (opened: OpenTerminal, why: TerminalEnd) => {
    all.delete(opened.entry.id);
    opened.closed.abort();
    opened.view.dismiss(why);
  };
  const print = (opened: OpenTerminal, text: string) => opened.view.show(Buffer.from(text.replaceAll('\n', '\r\n')));

  async function run(opened: OpenTerminal, line: string): Promise<void> {
    await print(opened, `${line}\n`);
    if (line.trim() === 'exit') return end(opened, 'exited');
    if (line.trim() !== '') await interpret(line, opened.around);
    await print(opened, '$ ');
  }

  function type(opened: OpenTerminal, text: string): void {
    const lines = `${opened.typed}${text}`.split(/\r\n|\r|\n/);
    opened.typed = lines.pop() ?? '';
    for (const line of lines) {
      const next = () => (opened.closed.signal.aborted ? undefined : run(opened, line));
      opened.last = opened.last.then(next).catch(() => {}); // the terminal was closed while a command ran
    }
  }

  return {
    async openTerminal(id) {
      const known = all.get(id);
      if (known) return known.entry;
      if (all.size >= daemonLimits.terminals) {
        throw new AppError('conflict', `There are ${daemonLimits.terminals} terminals already. Close one first.`);
      }
      const closed = new AbortController();
      const opened: OpenTerminal = {
        entry: { id, startedAt: clock.now() },
        closed,
        view: new TerminalView(),
        typed: '',
        last: Promise.resolve(),
        around: {
          files,
          cwd: files.root,
          env: {},
          out: (bytes) => print(opened, Buffer.from(bytes).toString()),
          err: (text) => print(opened, text),
          readLine: async () => undefined,
          sleep: (ms) => sleeping(clock, ms, closed.signal),
          background: inBackground(inside, undefined),
          signal: closed.signal,
        },
      };
      all.set(id, opened);
      await print(opened, '$ ');
      return opened.entry;
    },
    terminals: () => [...all.values()].map(({ entry }) => entry),
    readTerminal: (id, signal) => existing(id).view.read(signal),
    typeTerminal: async (id, text) => type(existing(id), text),
    async keyboard(id) {
      const opened = existing(id);
      const decoder = new StringDecoder();
      const stream = createKeystrokeStream((bytes, taken) => {
        type(opened, decoder.write(bytes));
        taken();
      });
      addAbortListener(opened.closed.signal, () => void stream.destroy());
      return stream;
    },
    async resizeTerminal(id, { rows }) {
      existing(id).view.rows = rows;
    },
    async closeTerminal(id) {
      end(existing(id), 'deleted');
    },
    endAll() {
      for (const opened of all.values()) end(opened, 'exited');
    },
  };
}
