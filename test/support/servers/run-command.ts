import type { ServerCommandDefinition } from '../../../src/app/commands/command.ts';

/** Runs a command of the server's own program, and keeps what it prints and says. */
export async function runServerCommand(command: Pick<ServerCommandDefinition, 'run'>, ...args: readonly string[]) {
  const [printed, messages]: [string[], string[]] = [[], []];
  const { signal } = new AbortController();
  const [print, say] = [printed, messages].map((lines) => (line: string) => void lines.push(line)) as [Say, Say];
  return { code: await command.run(args, { signal, print, say }), printed, messages };
}
type Say = (line: string) => void;
