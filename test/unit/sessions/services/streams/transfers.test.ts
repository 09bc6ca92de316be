import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { AppError } from '../../../../../src/core/errors/errors.ts';
import type { FileTransferClient } from '../../../../../src/sandboxes/client/abilities.ts';
import { createStreamService } from '../../../../../src/sessions/services/streams/streams.ts';
import { newSession } from '../../../../support/stores/store.ts';

const version = '3-1700000000.000000000';
const id = newSession();
const never = new AbortController().signal;

/** A service whose sandbox has these transfers, and no other way to move a file. */
function serviceWith(transfers: Partial<FileTransferClient>) {
  const programs = { open: () => Promise.reject(new AppError('unsupported', 'no programs')), close: async () => {} };
  const client = { workdir: '/workspace', programs, transfers: { areSupported: async () => true, ...transfers } };
  return createStreamService({
    sandboxes: { use: async () => ({ client, [Symbol.asyncDispose]: async () => {} }) } as never,
    ids: { short: () => 'x' },
    known: async () => {},
  });
}
const opening = (body: string): Partial<FileTransferClient> => ({
  open: async () => ({ size: body.length, content: Readable.from([Buffer.from(body)]) }),
});
async function* pieces() {
  yield Buffer.from('one');
}

test('a download takes size and version from the first line, and passes the rest on', async () => {
  const file = await serviceWith(opening(`7 ${version}\nfour`)).download(id, { path: 'a', from: 3 }, never);
  expect([file.size, file.version, await text(file.content)]).toEqual([7, version, 'four']);
});

test.each(['x\nfour', `7 "\nfour`, ''])('a sandbox that begins a file with %j is not trusted', async (body) => {
  const opened = serviceWith(opening(body)).download(id, { path: 'a' }, never);
  await expect(opened).rejects.toMatchObject({ code: 'sandbox_untrusted' });
});

test('an upload names the version that it replaces, and a full disk is reported as one', async () => {
  const conditions: unknown[] = [];
  const service = serviceWith({
    async write(_path, content, condition) {
      for await (const _ of content);
      conditions.push(condition);
      return { size: 3, version };
    },
  });
  for (const replaces of [undefined, null, version])
    await service.upload(id, { path: 'a', ...(replaces !== undefined && { replaces }) }, pieces(), never);
  expect(conditions).toEqual([{}, { replaces: 'none' }, { replaces: version }]);
  const full = serviceWith({ write: () => Promise.reject(new AppError('quota', 'The disk is full.')) });
  await expect(full.upload(id, { path: 'a' }, pieces(), never)).rejects.toMatchObject({ code: 'disk_full' });
});

test('a daemon of an older image runs the scripts instead', async () => {
  const old = serviceWith({ areSupported: async () => false });
  await expect(old.upload(id, { path: 'a' }, pieces(), never)).rejects.toMatchObject({ code: 'unsupported' });
  await expect(old.download(id, { path: 'a' }, never)).rejects.toMatchObject({ code: 'unsupported' });
});
