// A file in and out of a container as `docker cp` does it: a tar with one entry, by the engine's API.
import { type IncomingMessage, request } from 'node:http';
import { socketPath } from '../lib/calls/engine-api.ts';
import { goodAnswer } from '../lib/calls/good-answer.ts';

const block = 512;

async function ask(method: string, container: string, path: string, body?: Buffer): Promise<IncomingMessage> {
  const at = `/containers/${container}/archive?path=${encodeURIComponent(path)}`;
  const headers = body && { 'content-type': 'application/x-tar', 'content-length': body.length };
  return goodAnswer(request({ socketPath, method, path: at, agent: false, ...(headers && { headers }) }).end(body));
}

export async function rawWrite(container: string, path: string, content: Buffer): Promise<void> {
  const slash = path.lastIndexOf('/');
  const padding = Buffer.alloc(((block - (content.length % block)) % block) + 2 * block);
  const tar = Buffer.concat([headOf(path.slice(slash + 1), content.length), content, padding]);
  for await (const _answer of await ask('PUT', container, path.slice(0, slash), tar));
}

/** Passes on the file's bytes, without the tar around it. */
export async function rawRead(container: string, path: string, heard: (bytes: Buffer) => void): Promise<void> {
  let head = Buffer.alloc(0);
  let left = 0;
  for await (const chunk of (await ask('GET', container, path)) as AsyncIterable<Buffer>) {
    let piece = chunk;
    if (head.length < block) {
      const more = piece.subarray(0, block - head.length);
      head = Buffer.concat([head, more]);
      piece = piece.subarray(more.length);
      if (head.length === block) left = Number.parseInt(head.toString('latin1', 124, 135), 8);
    }
    const content = piece.subarray(0, left);
    left -= content.length;
    if (content.length > 0) heard(content);
  }
}

function headOf(name: string, size: number): Buffer {
  const head = Buffer.alloc(block);
  const fields = [
    [name, 0],
    ['0000644', 100],
    ['0000000', 108],
    ['0000000', 116],
    ['0', 156],
    ['ustar\u000000', 257],
  ] as const;
  for (const [text, at] of fields) head.write(text, at, 'latin1');
  head.write(size.toString(8).padStart(11, '0'), 124, 'latin1');
  head.write('00000000000', 136, 'latin1');
  head.fill(' ', 148, 156);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return head;
}
