import { Agent, type IncomingMessage, request } from 'node:http';
import { parseStreamFrames } from '../../../src/core/text/stream-frames.ts';
import { awaitOkResponse } from '../calls/http-calls.ts';

export interface SandboxStreams extends Disposable {
  output(command: string, listener: (bytes: Uint8Array) => void): Promise<void>;
  write(path: string, content: Buffer): Promise<void>;
  read(path: string, listener: (bytes: Buffer) => void): Promise<void>;
}

export function openSandboxStreams(server: string, session: string): SandboxStreams {
  const base = `${server}/streams/sessions/${session}`;
  const agent = new Agent({ keepAlive: true });
  async function ask(method: string, path: string, body?: Buffer): Promise<IncomingMessage> {
    const headers = body && { 'content-type': 'application/octet-stream', 'content-length': body.length };
    return awaitOkResponse(request(`${base}${path}`, { method, agent, ...(headers && { headers }) }).end(body));
  }
  const at = (path: string) => `/file?path=${encodeURIComponent(path)}`;
  return {
    async output(command, listener) {
      const answer = await ask('POST', '/exec', Buffer.from(`${JSON.stringify({ command })}\n`));
      for await (const { channel, payload } of parseStreamFrames(answer)) {
        if (channel === 'output') listener(payload);
        else if (channel === 'end' && !Buffer.from(payload).includes('"exitCode":0')) {
          throw new Error(`the command ended with ${Buffer.from(payload).toString()}`);
        }
      }
    },
    async write(path, content) {
      for await (const _answer of await ask('PUT', at(path), content));
    },
    async read(path, listener) {
      for await (const chunk of await ask('GET', at(path))) listener(chunk as Buffer);
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}
