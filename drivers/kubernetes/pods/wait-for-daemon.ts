import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { pause, raceAbort } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxLink } from '../../driver.ts';

type DaemonLink = Pick<SandboxLink, 'agent' | 'token'>;

/** Resolves once the daemon answers. Rejects immediately if the sandbox is lost first. */
export async function waitForDaemon({ agent, token, lost }: SandboxLink, signal: AbortSignal): Promise<void> {
  const either = AbortSignal.any([signal, lost]);
  for (let ms = 20; ; ms = Math.min(ms * 1.5, 500)) {
    const soon = AbortSignal.any([either, AbortSignal.timeout(10_000)]);
    // Read to its end, so the next call reuses the connection: a dial through the API server takes 40 to 120 ms.
    const answer = callDaemon({ agent, token }, '/health', soon).then(async (response) => {
      await finished(response.resume());
      return response.statusCode;
    });
    const status = await raceAbort(answer, soon).catch((error) => {
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

/** Runs a command in the sandbox. Resolves with its output. */
export async function execIn(
  link: SandboxLink,
  command: { readonly command: string; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<string> {
  const { stdout = '' } = JSON.parse(await text(await callDaemon(link, '/exec', signal, command)));
  return stdout;
}

async function callDaemon({ agent, token }: DaemonLink, path: string, signal: AbortSignal, body?: object) {
  const headers = { authorization: `Bearer ${token.reveal()}`, ...(body && { 'content-type': 'application/json' }) };
  const call = request(`http://sandbox${path}`, { method: body ? 'POST' : 'GET', agent, headers, signal });
  call.on('error', () => {}); // the request can still fail after its caller has returned
  call.end(body && JSON.stringify(body));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return response;
}
