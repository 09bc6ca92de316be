export interface ConsoleEntry {
  readonly ps1: string;
  readonly command: string;
  readonly output: string;
}
export interface LazyConsoleEntry extends Omit<ConsoleEntry, 'output'> {
  text(): string | Promise<string>;
}

const leftOut = '[… left out …]';

/** Returns all commands, but only as many of the newest outputs as fit within `chars` characters. */
export async function readNewestOutputs(commands: readonly LazyConsoleEntry[], chars: number): Promise<ConsoleEntry[]> {
  let left = chars;
  const newestFirst: ConsoleEntry[] = [];
  for (const { ps1, command, text } of commands.toReversed()) {
    const output = left < 0 ? leftOut : await text();
    left -= output.length + command.length;
    newestFirst.push({ ps1, command, output: left < 0 ? leftOut : output });
  }
  return newestFirst.toReversed();
}
