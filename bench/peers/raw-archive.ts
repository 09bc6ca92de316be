// A file in and out of a container as `docker cp` does it: a tar with one entry, by the engine's API.
import { type IncomingMessage, request } from 'node:http';
import { posix } from 'node:path';
import { tarOf } from '../../src/sessions/skills/tar.ts';
import { socketPath } from '../lib/calls/engine-api.ts';
import { goodAnswer } from '../lib/calls/http-calls.ts';

const block = 512;

async function ask(method: string, container: string, path: string, body?: Buffer): Promise<IncomingMessage> {
  const at = `/containers/${container}/archive?path=${encodeURIComponent(path)}`;
  const headers = body && { 'content-type': 'application/x-tar', 'content-length': body.length };
  return goodAnswer(request({ socketPath, method, path: at, agent: false, ...(headers && { headers }) }).end(body));
}

export async function rawWrite(container: string, path: string, content: Buffer): Promise<void> {
  const { dir, base } = posix.parse(path);
  const tar = tarOf([{ path: base, executable: false, bytes: content }], '.');
  for await (const _answer of await ask('PUT', container, dir, tar));
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
