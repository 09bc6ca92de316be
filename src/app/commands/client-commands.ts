import packageJson from '../../../package.json' with { type: 'json' };
import type { ServerCommand } from '../../cli/program.ts';

interface ServerProgram {
  readonly serverCommands: readonly ServerCommand[];
  readonly runServer: (args: readonly string[]) => Promise<number>;
}

export async function runClientCommand(args: readonly string[], parts: ServerProgram): Promise<number> {
  const { runCli } = await import('../../cli/program.ts');
  const { createProcessIo } = await import('../../cli/io.ts');
  const { createInterruptSignal } = await import('../../cli/signals.ts');
  return await runCli(args, { io: createProcessIo(createInterruptSignal()), version: packageJson.version, ...parts });
}
