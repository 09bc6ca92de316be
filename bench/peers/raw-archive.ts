// Copies a file into and out of a container as `docker cp` does: a tar with one entry, over the engine's API.
import { posix } from 'node:path';
import { createTar } from '../../src/sessions/skills/skill-files.ts';
import { sendEngineRequest } from '../lib/calls/engine-api.ts';
import { awaitOkResponse } from '../lib/calls/http-calls.ts';

const block = 512;

const headers = { 'content-type': 'application/x-tar' };
const at = (container: string, path: string) => `/containers/${container}/archive?path=${encodeURIComponent(path)}`;

export async function writeRawFile(container: string, path: string, content: Buffer): Promise<void> {
  const { dir, base } = posix.parse(path);
  const tar = createTar([{ path: base, executable: false, bytes: content }], '.');
  const put = sendEngineRequest({ method: 'PUT', path: at(container, dir), headers }, tar);
  for await (const _answer of await awaitOkResponse(put));
}

export async function readRawFile(container: string, path: string, listener: (bytes: Buffer) => void): Promise<void> {
  let head = Buffer.alloc(0);
  let left = 0;
  const answer = await awaitOkResponse(sendEngineRequest({ method: 'GET', path: at(container, path) }));
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    let piece = chunk;
    if (head.length < block) {
      const more = piece.subarray(0, block - head.length);
      head = Buffer.concat([head, more]);
      piece = piece.subarray(more.length);
      if (head.length === block) left = Number.parseInt(head.toString('latin1', 124, 135), 8);
    }
    const content = piece.subarray(0, left);
    left -= content.length;
    if (content.length > 0) listener(content);
  }
}
