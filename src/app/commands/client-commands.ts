import packageJson from '../../../package.json' with { type: 'json' };
import type { ServerCommand } from '../../cli/program.ts';

interface ServerProgram {
  readonly serverCommands: readonly ServerCommand[];
  readonly runServer: (args: readonly string[]) => Promise<number>;
}

/** Runs a command that calls a running server. Loaded on use, because a server needs none of it. */
export async function runClientCommand(args: readonly string[], parts: ServerProgram): Promise<number> {
  const { runCli } = await import('../../cli/program.ts');
  const { processIo } = await import('../../cli/io.ts');
  const { onInterrupt } = await import('../../cli/signals.ts');
  return await runCli(args, { io: processIo(onInterrupt()), version: packageJson.version, ...parts });
}
