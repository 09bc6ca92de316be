// A command in a container by the engine's API: create the exec, start it, read its output to the end, get its exit
// code.
import { tell } from '../lib/calls/engine-api.ts';

export async function rawExec(container: string, command: string): Promise<number> {
  const made = { AttachStdout: true, AttachStderr: true, Cmd: ['bash', '-c', command] };
  const { Id } = await tell<{ Id: string }>('POST', `/containers/${container}/exec`, made);
  await tell('POST', `/exec/${Id}/start`, { Detach: false, Tty: false });
  const { ExitCode } = await tell<{ ExitCode: number }>('GET', `/exec/${Id}/json`);
  return ExitCode;
}

/** Starts the command and leaves it running. */
export async function rawDetached(container: string, command: string): Promise<void> {
  const { Id } = await tell<{ Id: string }>('POST', `/containers/${container}/exec`, { Cmd: ['bash', '-c', command] });
  await tell('POST', `/exec/${Id}/start`, { Detach: true, Tty: false });
}
