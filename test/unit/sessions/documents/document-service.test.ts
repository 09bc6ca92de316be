import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import { createDocumentService, createExpiredFileSweep } from '../../../../src/sessions/documents/document-service.ts';
import { createUploadStore } from '../../../../src/sessions/projects/uploads.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { memoryBlobs } from '../../../support/stores/memory-blobs.ts';

const never = new AbortController().signal;

function start() {
  const [{ records }, clock, blobs, ids] = [createInMemoryStore(), manualClock(1_000), memoryBlobs(), createIdSource()];
  const uploads = createUploadStore({ records, blobs, clock, newId: ids.messageId, maxBytes: 100 });
  const documents = createDocumentService({ records, clock, ids, deleteUpload: uploads.delete });
  const aFile = async (lifeMs: number | null) => {
    const file = { projectId: null, name: 'a', type: 'input', mimeType: null } as const;
    await using staged = await uploads.stage({ ...file, content: Readable.from([Buffer.from('a')]) }, never);
    await uploads.keep([staged]);
    const content = { upload: staged.file.id, filename: 'a', mimeType: 'text/plain', size: 1, lifeMs };
    return { upload: staged.file.id, ...(await documents.create({ kind: 'file', content })) };
  };
  return { records, clock, blobs, documents, aFile };
}
const service = () => start().documents;

test('a document keeps its versions, and the same content makes no new one', async () => {
  const documents = service();
  const { id } = await documents.create({ kind: 'agent', content: { name: 'a' } });
  expect((await documents.update(id, { content: { name: 'a' } })).version).toBe(1);
  expect((await documents.update(id, { content: { name: 'b' }, version: 1 })).version).toBe(2);
  const late = documents.update(id, { content: { name: 'c' }, version: 1 });
  await expect(late).rejects.toMatchObject({ code: 'conflict' });
  expect((await documents.get(id, 1)).content).toEqual({ name: 'a' });
  expect((await documents.versions(id)).map(({ version }) => version)).toEqual([2, 1]);
  await expect(documents.get(id, 3)).rejects.toMatchObject({ code: 'not_found' });
});

test('of two changes at once of one version, one wins', async () => {
  const documents = service();
  const { id } = await documents.create({ kind: 'agent', content: { name: 'a' } });
  const both = ['b', 'c'].map((name) => documents.update(id, { content: { name }, version: 1 }));
  const changes = await Promise.allSettled(both);
  expect(changes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const winner = changes.find((one) => one.status === 'fulfilled');
  expect((await documents.get(id)).content).toEqual(winner?.value.content);
  await documents.update(id, { content: { name: 'd' } });
  expect((await documents.get(id, 2)).content).toEqual(winner?.value.content);
  expect((await documents.get(id, 1)).content).toEqual({ name: 'a' });
});

test('an archived document stays readable and cannot be changed; a deleted one is gone with its versions', async () => {
  const documents = service();
  const { id } = await documents.create({ kind: 'environment', content: { name: 'a' }, owner: 'one' });
  expect((await documents.update(id, { archived: true })).archivedAt).not.toBeNull();
  expect((await documents.update(id, { archived: true })).version).toBe(1);
  await expect(documents.update(id, { content: { name: 'b' } })).rejects.toMatchObject({ code: 'conflict' });
  expect((await documents.list('environment', 'one')).map((one) => one.id)).toEqual([id]);
  expect(await documents.list('environment', 'two')).toEqual([]);
  await documents.delete(id);
  await expect(documents.get(id, 1)).rejects.toMatchObject({ code: 'not_found' });
});

test('a deletion that is cut anywhere can be requested again, and leaves no version', async () => {
  const { records, documents } = start();
  const { id } = await documents.create({ kind: 'agent', content: { name: 'a' } });
  for (const name of ['b', 'c', 'd']) await documents.update(id, { content: { name } });
  const { delete: remove } = records;
  for (let cuts = 0; cuts < 4; cuts++) {
    let left = 1; // deletions until the server dies
    records.delete = async (kind, key) => {
      if (left-- === 0) throw new Error('killed');
      await remove(kind, key);
    };
    await documents.delete(id).catch(() => {});
  }
  await expect(documents.get(id)).rejects.toMatchObject({ code: 'not_found' });
  expect(await records.list('document-version')).toEqual([]);
});

test('a deleted file leaves no bytes, even if the deletion is cut after them', async () => {
  const { blobs, documents, aFile, records } = start();
  const [one, other] = [await aFile(null), await aFile(null)];
  const { delete: remove } = records;
  records.delete = async (kind, id) =>
    kind === 'document-file' ? Promise.reject(new Error('killed')) : remove(kind, id);
  await expect(documents.delete(one.id)).rejects.toThrow('killed');
  records.delete = remove;
  await documents.delete(one.id);
  expect([...blobs.kept.keys()]).toEqual([other.upload]);
});

test('a file whose time is over is deleted with its bytes, and no other', async () => {
  const { blobs, clock, documents, aFile, records } = start();
  const [lasting, later] = [await aFile(null), await aFile(2_000)];
  const expired = await aFile(1_000);
  const deleteExpired = createExpiredFileSweep({ records, clock }, documents);
  clock.advance(999);
  expect(await deleteExpired()).toBe(0);
  clock.advance(1);
  expect(await deleteExpired()).toBe(1);
  await expect(documents.get(expired.id)).rejects.toMatchObject({ code: 'not_found' });
  expect([...blobs.kept.keys()].sort()).toEqual([lasting.upload, later.upload].sort());
});

test.each(['', 'agent_', 'agent_../x', 'session_0123456789abcdef01234567'])('the id %j is unknown', (id) =>
  expect(service().get(id)).rejects.toMatchObject({ code: 'not_found' }),
);
