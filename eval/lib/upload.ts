import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { CorralClient } from '../../src/client/index.ts';

type Sandbox = { readonly corral: CorralClient; readonly sessionId: string };
interface CommandResult {
  readonly exitCode: number;
  readonly output: string;
}

/** Exit code 124: timed out. */
export async function runSandboxCommand(
  { corral, sessionId }: Sandbox,
  command: string,
  seconds: number,
): Promise<CommandResult> {
  const timeoutMs = Math.min(600_000, seconds * 1_000);
  const { exitCode, stdout, stderr, timedOut } = await corral.sandbox.exec.mutate({ sessionId, command, timeoutMs });
  return { exitCode: timedOut ? 124 : exitCode, output: `${stdout}${stderr}`.trim() };
}

export async function runCheckedCommand(sandbox: Sandbox, command: string, seconds: number): Promise<string> {
  const { exitCode, output } = await runSandboxCommand(sandbox, command, seconds);
  if (exitCode !== 0) throw new Error(`exit code ${exitCode} of ${command}: ${output.slice(-500)}`);
  return output;
}

export async function uploadFolder(sandbox: Sandbox, from: string, to: string): Promise<void> {
  const names = await readdir(from); // copy the entries, not the folder: another user owns a container's workspace
  const tar = spawn('tar', ['-C', from, '-czf', '-', '--', ...names], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [packed, [code]] = await Promise.all([buffer(tar.stdout), once(tar, 'close')]);
  if (code !== 0) throw new Error(`${from} cannot be packed: tar ended with ${code}`);
  const path = '.corral-eval-upload';
  const { corral, sessionId } = sandbox;
  await corral.files.write.mutate({ sessionId, path, content: packed.toString('base64') });
  await runCheckedCommand(sandbox, `mkdir -p ${to} && base64 -d ${path} | tar -C ${to} -xzf - && rm ${path}`, 60);
}
