import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Snapshot } from '../../../../../src/core/model/sandboxes/snapshot.ts';
import {
  createSnapshotArchive,
  openSnapshotArchive,
} from '../../../../../src/sessions/forks/archive/snapshot-archive.ts';
import { tarOf } from '../../../../support/hostile/tar-entries.ts';
import { sessionId } from '../../../../support/machines/session-parts.ts';

const layer = Buffer.from('the compressed files, of which this part looks at none');
const snapshot: Snapshot = {
  id: 'snap-0123456789abcdef',
  name: 'cache:v2',
  labels: { branch: 'main' },
  sessionId,
  template: 'default',
  at: 1_764_000_000_000,
  bytes: layer.length,
  sha256: createHash('sha256').update(layer).digest('hex'),
  owner: 'the-owner',
};
async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const exported = async (of = snapshot, content = layer) =>
  Buffer.concat(await Array.fromAsync(createSnapshotArchive(of, inPieces(content, 10)).content));
const read = async (bytes: Buffer, size = 100) => {
  const { facts, sha256, content } = await openSnapshotArchive(inPieces(bytes, size));
  return { facts, sha256, content: Buffer.concat(await Array.fromAsync(content)) };
};
const bytes = await exported();

test.for([1, 100, 100_000])('an archive in pieces of %i bytes is read as it was written', async (size) => {
  const { facts, sha256, content } = await read(bytes, size);
  expect(facts).toEqual({
    ...{ name: 'cache:v2', labels: { branch: 'main' }, template: 'default' },
    createdAt: new Date(snapshot.at).toISOString(),
  });
  expect([sha256, content.equals(layer)]).toEqual([snapshot.sha256, true]);
});

test('an archive has the announced size, no owner and no id, and is the same each time', async () => {
  expect(bytes.length).toBe(createSnapshotArchive(snapshot, inPieces(layer, 10)).size);
  for (const word of ['the-owner', snapshot.id, sessionId]) expect(bytes.includes(word)).toBe(false);
  expect((await exported()).equals(bytes)).toBe(true);
});

/** Another text of the same length, with the sum of no header changed. */
const altered = (from: string, to: string) => Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1');
const refused: readonly (readonly [string, Buffer, string])[] = [
  ['an empty one', Buffer.alloc(0), 'ends too early'],
  ['no tar file', Buffer.alloc(2_048, 'x'), 'not a tar file'],
  ['one with other labels', altered('"main"', '"evil"'), 'does not have the content that was exported'],
  ['one with another manifest', altered('artifactType', 'artifacttype'), 'does not have the content that was exported'],
  ['one of another version', altered('"1.0.0"', '"2.0.0"'), 'oci-layout is not a valid part of a snapshot'],
  ['one that ends in the middle', bytes.subarray(0, 3_000), 'ends too early'],
  ['one without its end', bytes.subarray(0, -1_024), 'ends too early'],
  ['one with something behind it', Buffer.concat([bytes, Buffer.from('x')]), 'data after its end'],
  ['one with a second end and files', Buffer.concat([bytes, bytes]), 'data after its end'],
];
test.for(refused)('%s is refused', ([, content, reason]) =>
  expect(read(content)).rejects.toMatchObject({
    code: 'invalid_request',
    publicMessage: expect.stringContaining(reason),
  }),
);

test('endless folders before the first file are refused', async () => {
  const header = tarOf({ name: 'a/', type: '5' }).subarray(0, 512);
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) yield header;
  }
  await expect(openSnapshotArchive(endless())).rejects.toMatchObject({ code: 'invalid_request' });
});
