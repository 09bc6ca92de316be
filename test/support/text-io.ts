import type { Io } from '../../src/cli/io.ts';

/** The surroundings of a command without streams: its output is text, and nothing is a terminal. */
export function textIo(env: Io['env'] = {}) {
  let text = '';
  const write = (piece: string) => {
    text += piece;
    return true;
  };
  const stream = { write, isTTY: false, columns: 80 };
  const io = {
    stdin: { isTTY: false },
    stdout: stream,
    stderr: stream,
    env,
    signal: new AbortController().signal,
    print: (line: string) => void write(`${line}\n`),
    say: (line: string) => void write(`${line}\n`),
    paint: (_stream: string, _style: unknown, shown: string) => shown,
    canAsk: false,
    canDraw: false,
  } as unknown as Io;
  return { io, shown: () => text };
}
