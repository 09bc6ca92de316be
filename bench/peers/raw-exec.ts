import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { callEngineApi, sendEngineRequest } from '../lib/calls/engine-api.ts';

const createExec = async (container: string, exec: object): Promise<string> =>
  (await callEngineApi<{ Id: string }>('POST', `/containers/${container}/exec`, { AttachStdout: true, ...exec })).Id;

export async function execRaw(container: string, command: string): Promise<void> {
  const id = await createExec(container, { AttachStderr: true, Cmd: ['bash', '-c', command] });
  await callEngineApi('POST', `/exec/${id}/start`, { Detach: false, Tty: false });
  const { ExitCode } = await callEngineApi<{ ExitCode: number }>('GET', `/exec/${id}/json`);
  if (ExitCode !== 0) throw new Error(`"${command}" ended with ${ExitCode}`);
}

export async function startDetachedExec(container: string, command: string): Promise<void> {
  const id = await createExec(container, { AttachStdout: false, Cmd: ['bash', '-c', command] });
  await callEngineApi('POST', `/exec/${id}/start`, { Detach: true, Tty: false });
}

async function begin(container: string, exec: object, headers: Record<string, string>): Promise<ClientRequest> {
  const id = await createExec(container, exec);
  const body = JSON.stringify({ Detach: false, Tty: 'Tty' in exec });
  return sendEngineRequest({ method: 'POST', path: `/exec/${id}/start`, headers }, body);
}

/** Resolves at the end of the output. The engine precedes each piece with eight bytes: its stream and its length. */
export async function streamRawOutput(
  container: string,
  command: string,
  listener: (bytes: Buffer) => void,
): Promise<void> {
  const clientRequest = await begin(container, { Cmd: ['bash', '-c', command] }, {});
  const [answer] = (await once(clientRequest, 'response')) as [IncomingMessage];
  let head = Buffer.alloc(0);
  let left = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; ) {
      if (left === 0) {
        const more = chunk.subarray(at, at + 8 - head.length);
        head = Buffer.concat([head, more]);
        at += more.length;
        if (head.length < 8) break;
        left = head.readUInt32BE(4);
        head = Buffer.alloc(0);
      }
      const piece = chunk.subarray(at, at + left);
      if (piece.length > 0) listener(piece);
      at += piece.length;
      left -= piece.length;
    }
  }
}

export async function openRawTerminal(container: string, command: string): Promise<Socket> {
  const exec = { AttachStdin: true, Tty: true, Cmd: ['bash', '-c', command] };
  const clientRequest = await begin(container, exec, { connection: 'Upgrade', upgrade: 'tcp' });
  const [, socket, head] = (await once(clientRequest, 'upgrade')) as [IncomingMessage, Socket, Buffer];
  if (head.length > 0) socket.unshift(head);
  return socket.setNoDelay(true);
}
