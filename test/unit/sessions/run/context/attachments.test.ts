import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { resolveAttachments, type UploadReader } from '../../../../../src/sessions/run/context/attachments.ts';
import { messageId } from '../../../../support/machines/session-parts.ts';

const id = (n: number) => `${String(n).padStart(8, '0')}-0000-4000-8000-000000000000`;
const gif = Buffer.from('GIF89a......');

const files = (sizes: Readonly<Record<string, number>>, bytes = gif): UploadReader => ({
  find: async (file) => (file in sizes ? { name: 'a.dat', size: sizes[file] ?? 0 } : undefined),
  open: async () => Readable.from([bytes.subarray(0, 4), bytes.subarray(4)]),
});
const shown = async (attachments: readonly string[], of: UploadReader) =>
  (await resolveAttachments([{ messageId: messageId(), text: 'See', attachments }], of, '/workspace')).get(messageId());

test('a picture is known by its bytes, whatever its name', async () =>
  expect(await shown([id(1)], files({ [id(1)]: 12 }))).toEqual({
    text: 'See\n\n[Attached files]\n- a.dat (12 bytes): /workspace/attachments/00000001-a.dat',
    pictures: [{ file: id(1), mimeType: 'image/gif' }],
    attached: [{ id: id(1), path: 'attachments/00000001-a.dat' }],
  }));

test('a file that only looks like a picture, and one that is too large for providers, is a file', async () => {
  expect((await shown([id(1)], files({ [id(1)]: 12 }, Buffer.from('GIF, or not?'))))?.pictures).toEqual([]);
  expect((await shown([id(1)], files({ [id(1)]: 30_000_000 })))?.pictures).toEqual([]);
});

test('a file that is too large for the workspace is named and not copied', async () => {
  const made = await shown([id(1)], files({ [id(1)]: 65 * 1024 * 1024 }));
  expect(made?.attached).toEqual([]);
  expect(made?.text).toMatch(/too large/);
});

test('a path stays a path, and a missing upload is reported', async () => {
  const made = await shown(['src/a.c', id(9)], files({}));
  expect(made?.text).toMatch(/- src\/a\.c\n- 00000009\S+ \(this upload cannot be read\)$/);
});

test('the model gets at most eight pictures, and every attached file', async () => {
  const sizes = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [id(n), 12]));
  const made = await shown(Object.keys(sizes), files(sizes));
  expect([made?.pictures.length, made?.attached.length]).toEqual([8, 30]);
});
