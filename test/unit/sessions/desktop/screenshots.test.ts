import { Readable } from 'node:stream';
import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Message } from '../../../../src/agents/models/model.ts';
import { buildPngFile } from '../../../../src/core/text/pictures.ts';
import { createScreenshotStore } from '../../../../src/sessions/desktop/screenshots.ts';
import { createUploadStore } from '../../../../src/sessions/projects/uploads.ts';
import { loadPictures } from '../../../../src/sessions/run/turns/ask-model.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { sessionId } from '../../../support/machines/session-parts.ts';
import { memoryBlobs } from '../../../support/stores/memory-blobs.ts';

const never = new AbortController().signal;
const urlOf = (file: string) => `/at/${file}`;

function bench(keepPerSession = 2) {
  let count = 0;
  const clock = manualClock(1_000);
  const newId = () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`;
  const blobs = memoryBlobs();
  const uploads = createUploadStore({ records: createInMemoryStore().records, blobs, clock, newId, maxBytes: 1_000 });
  const warned: string[] = [];
  const warn = (_about: object, text: string) => void warned.push(text);
  const pictures = createScreenshotStore({ uploads, keepPerSession, newName: newId, urlOf, warn });
  const keep = async (text: string) => {
    clock.advance(1);
    return await pictures.keep(sessionId, { mimeType: 'image/png', data: Buffer.from(text) }, never);
  };
  return { pictures, keep, warned, uploads };
}

test('a picture is a file with an address, and comes back as it was', async () => {
  const { pictures, keep } = bench();
  const kept = await keep('one');
  expect(kept?.url).toBe(`/at/${kept?.file}`);
  expect(Buffer.from((await pictures.load(kept?.file ?? '')) ?? '', 'base64').toString()).toBe('one');
});

test('a session keeps only its newest screenshots', async () => {
  const { pictures, keep } = bench(2);
  const files = [await keep('one'), await keep('two'), await keep('three')].map((it) => it?.file ?? '');
  const loaded = await Promise.all(files.map((file) => pictures.load(file)));
  expect(loaded.map((it) => it !== undefined)).toEqual([false, true, true]);
});

test('a picture that breaks off while it is read is one that is not there', async () => {
  async function* broken() {
    yield Buffer.from('half');
    throw new Error('the storage went away');
  }
  const uploads = { ...bench().uploads, open: async () => Readable.from(broken()) };
  const pictures = createScreenshotStore({ uploads, keepPerSession: 2, newName: () => 'x', urlOf, warn: () => {} });
  expect(await pictures.load('a file')).toBeUndefined();
});

test('a screenshot belongs to its session and to no project, and goes when the session is forgotten', async () => {
  const { pictures, keep, uploads } = bench();
  const kept = await keep('one');
  expect(await uploads.get(kept?.file ?? '')).toMatchObject({ sessionId, projectId: null });
  await pictures.forget(sessionId);
  await expect(uploads.get(kept?.file ?? '')).rejects.toMatchObject({ code: 'file_not_found' });
});

test('a picture that cannot be kept is no failure of the tool', async () => {
  const { keep, warned } = bench();
  expect([await keep('x'.repeat(2_000)), warned.length]).toEqual([undefined, 1]);
});

test('a model is shown the pictures that are still kept', async () => {
  const picture = buildPngFile(1, 1, deflateSync(Buffer.from([0, 1, 2, 3]))).toString('base64');
  const result = { role: 'tool', name: 'browser_view', output: '', success: true } as const;
  const messages: Message[] = ['a', 'b'].map((file) => ({
    ...result,
    callId: file,
    pictures: [{ file, mimeType: 'image/png' }],
  }));
  const load = async (file: string) => (file === 'a' ? undefined : picture);
  const shown = await loadPictures(messages, load, never);
  const data = shown.messages.map((message) => (message.role === 'tool' ? message.pictures?.[0]?.data : undefined));
  expect(data).toEqual([undefined, picture]);
});
