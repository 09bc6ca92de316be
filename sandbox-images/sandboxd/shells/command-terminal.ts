import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OperationSpec } from '../../../src/sandboxes/client/client.ts';
import type { DaemonState } from '../shared-state.ts';
import { createProcessMarks } from './environment.ts';
import { type ShellState, shellStatePath } from './shell-state.ts';
import { openPipedTerminal, openTerminal, type Terminal, type TerminalSpec } from './terminal.ts';

const longCommand = 100_000; // bytes; the kernel allows 128 KiB for one argument

/** Uses pipes if no terminal can be opened, as in an image without `script`. Undefined if no process can be started. */
export async function openCommandTerminal(
  { stateDir, env }: DaemonState,
  request: OperationSpec,
  standing: ShellState,
  mark: string,
): Promise<Terminal | undefined> {
  const { id, tag, command } = request;
  const spec: TerminalSpec = {
    command: await prepareCommandLine(stateDir, id, command),
    cwd: standing.cwd,
    env: {
      ...(standing.env ?? env),
      ...createProcessMarks(id, tag),
      CORRAL_SANDBOX_ID: env.CORRAL_SANDBOX_ID,
      CORRAL_STATE: shellStatePath(stateDir, id),
      BASH_ENV: join(stateDir, 'shell.bash'),
    },
    mark,
  };
  return await openTerminal(spec)
    .catch(() => openPipedTerminal(spec))
    .catch(() => undefined);
}

export async function prepareCommandLine(
  stateDir: string,
  id: string,
  command: string,
): Promise<TerminalSpec['command']> {
  if (!isLongCommand(command)) return command;
  const file = commandFile(stateDir, id);
  await writeFile(file, command);
  return { file };
}

export const isLongCommand = (command: string) => Buffer.byteLength(command) >= longCommand;

export const removeCommandFile = (stateDir: string, id: string) =>
  rm(commandFile(stateDir, id), { force: true, recursive: true });

const commandFile = (stateDir: string, id: string) => join(stateDir, `${id}.sh`);
