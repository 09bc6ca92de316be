import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { pause, raceAbort } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxLink } from '../../driver.ts';

/** Resolves once the daemon answers. Rejects immediately if the sandbox is lost first. */
export async function waitForDaemon({ agent, token, lost }: SandboxLink, signal: AbortSignal): Promise<void> {
  const either = AbortSignal.any([signal, lost]);
  for (let ms = 20; ; ms = Math.min(ms * 1.5, 500)) {
    const soon = AbortSignal.any([either, AbortSignal.timeout(10_000)]);
    const status = await raceAbort(health(agent, token.reveal(), soon), soon).catch((error) => {
      if (signal.aborted) throw error;
      return undefined;
    });
    if (lost.aborted) throw lost.reason;
    if (status === 200) return;
    if (status === 401) {
      const advice = 'Use an image that was built for this server.';
      throw new AppError('sandbox_unavailable', `The sandbox's daemon does not accept this server's token. ${advice}`);
    }
    await pause(ms, either).catch((error) => {
      throw lost.aborted ? lost.reason : error;
    });
  }
}

async function health(agent: SandboxLink['agent'], token: string, signal: AbortSignal): Promise<number | undefined> {
  const headers = { authorization: `Bearer ${token}` };
  const call = request('http://sandbox/health', { agent, headers, signal });
  call.on('error', () => {}); // the request can still fail after its caller has returned
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  response.on('error', () => {}).resume();
  return response.statusCode;
}

/** Runs a command in the sandbox. Resolves with its output. */
export async function execIn(
  { agent, token }: SandboxLink,
  { command, timeoutMs }: { readonly command: string; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<string> {
  const headers = { authorization: `Bearer ${token.reveal()}`, 'content-type': 'application/json' };
  const call = request('http://sandbox/exec', { method: 'POST', agent, headers, signal });
  call.on('error', () => {}); // the request can still fail after its caller has returned
  call.end(JSON.stringify({ command, timeoutMs }));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const { stdout = '' } = JSON.parse(await text(response)) as { stdout?: string };
  return stdout;
}
