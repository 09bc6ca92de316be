import { describe, expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { projectRecordKind } from '../../../../src/sessions/projects/projects.ts';
import { parseFileName } from '../../../../src/sessions/projects/uploads.ts';
import { uploadBench } from '../../../support/stores/uploads.ts';

describe('uploads', () => {
  test('a staged file that is not kept is removed with its bytes', async () => {
    const { uploads, blobs, records, stage } = await uploadBench();
    {
      await using staged = await stage('a');
      expect(blobs.kept.size).toBe(1);
      await expect(uploads.get(staged.file.id)).rejects.toMatchObject({ code: 'file_not_found' });
      expect(await uploads.ofProject('p')).toEqual([]);
    }
    expect([blobs.kept.size, await records.list('file-owner')]).toEqual([0, []]);
  });

  test('a project lists only its own files, newest first', async () => {
    const { uploads, put } = await uploadBench();
    const [a, b] = [await put('a'), await put('b')];
    await put('c', 'c', 'pp');
    await put('d', 'd', null);
    expect((await uploads.ofProject('p')).map(({ id }) => id)).toEqual([b, a]);
  });

  test('a file of the same name is replaced in its project alone', async () => {
    const { uploads, blobs, put } = await uploadBench();
    const [first, elsewhere, loose] = [await put('a', 'old'), await put('a', 'x', 'q'), await put('a', 'y', null)];
    const second = await put('a', 'new');
    await expect(uploads.get(first)).rejects.toMatchObject({ code: 'file_not_found' });
    for (const id of [second, elsewhere, loose]) await expect(uploads.get(id)).resolves.toMatchObject({ name: 'a' });
    expect(blobs.kept.has(first)).toBe(false);
  });

  test('a project that goes takes its files along', async () => {
    const { uploads, blobs, put } = await uploadBench();
    await put('a');
    await put('b');
    const other = await put('c', 'c', 'q');
    await uploads.deleteProject('p');
    expect([...blobs.kept.keys()]).toEqual([other]);
  });

  test('a file that is kept after its project was deleted is refused, and leaves no bytes', async () => {
    const { uploads, blobs, records, stage } = await uploadBench();
    await using staged = await stage('a');
    await records.delete(projectRecordKind, 'p');
    await uploads.deleteProject('p');
    await expect(uploads.keep([staged])).rejects.toMatchObject({ code: 'not_found' });
    expect([blobs.kept.size, await records.list('file-owner'), await uploads.ofProject('p')]).toEqual([0, [], []]);
  });

  test('a start removes the staged files of a killed server, and keeps stored and newer files', async () => {
    const before = await uploadBench();
    await before.stage('half');
    const kept = await before.put('whole');
    const after = before.restarted(2_000);
    await before.stage('n', 'n', 'p', after);
    const read: string[] = [];
    const { get } = before.records;
    before.records.get = (kind, id) => get(kind, id).finally(() => read.push(id));
    await after.sweep();
    expect(read).toEqual(['p:id-0']); // and no file that is listed
    expect([...before.blobs.kept.keys()].sort()).toEqual(['fresh', kept].sort());
    expect((await before.records.list('file-owner')).map(({ id }) => id).sort()).toEqual(['fresh', kept].sort());
  });

  test('the removal of a file that is cut is completed at the next start, and uploads of other servers continue', async () => {
    const before = await uploadBench();
    const id = await before.put('whole');
    const remove = before.blobs.delete;
    before.blobs.delete = () => Promise.reject(new Error('killed'));
    await expect(before.uploads.delete(id)).rejects.toThrow('killed');
    before.blobs.delete = remove;
    await before.stage('of another server');
    const after = before.restarted(3_601_001);
    await after.sweep(true);
    expect([...before.blobs.kept.keys()]).toEqual(['id-1']);
    await after.sweep();
    expect(before.blobs.kept.size).toBe(0);
  });

  test('a storage that fails leaves no record', async () => {
    const { records, blobs, stage } = await uploadBench();
    blobs.put = () => Promise.reject(new AppError('store_unavailable', 'It does not answer.'));
    await expect(stage('a')).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await records.list('file-owner')).toEqual([]);
  });
});

test.each([
  ['a.txt', 'a.txt'],
  ['/etc/passwd', 'passwd'],
  ['../../etc/passwd', 'passwd'],
  ['..\\..\\x', 'x'],
  ['C:\\Users\\me\\notes.txt', 'notes.txt'],
  [' a ', 'a'],
  ['', undefined],
  ['.', undefined],
  ['..', undefined],
  ['a/..', undefined],
  ['a/', undefined],
  ['a\0b', undefined],
  ['a\nb', undefined],
  ['ü'.repeat(128), undefined],
  ['x'.repeat(256), undefined],
])('the path %j gives the file name %j', (input, name) => expect(parseFileName(input)).toBe(name));
