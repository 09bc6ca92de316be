import { describe, expect, test } from 'vitest';
import type { NoteAuthor } from '../../../../src/sessions/api/server/memory.ts';
import { maxNotes, type NoteLimits } from '../../../../src/sessions/memory/note-index.ts';
import { NoteStore } from '../../../../src/sessions/memory/notes.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const ada = { of: 'person', id: 'ada' } as const;
const project = { of: 'project', id: 'p1' } as const;
const person: NoteAuthor = { kind: 'person', id: 'ada' };
const dayMs = 86_400_000;
const usual: NoteLimits = { maxNoteBytes: 100, maxBytes: 1_000, maxVersions: 4 };

function world(limits: Partial<NoteLimits> = {}) {
  const store = createInMemoryStore();
  const clock = manualClock(1_000_000);
  let ids = 0;
  const notes = new NoteStore({
    records: store.records,
    clock,
    newId: () => `v${(++ids).toString().padStart(4, '0')}`,
    limits: { ...usual, ...limits },
  });
  const write = (path: string, text: string, expect?: number) => notes.write(ada, { path, text, expect }, person);
  const stored = async () => JSON.stringify(await store.records.list('memory-version'));
  return { store, clock, notes, write, stored };
}

describe('notes', () => {
  test('keep their history, with author and size of each version; the same text again makes none', async () => {
    const { notes, write, clock } = world();
    await write('build.md', 'make');
    clock.advance(1_000);
    const agent: NoteAuthor = { kind: 'agent', sessionId: 's1', runId: 'r1', approved: true };
    for (const _ of [1, 2]) await notes.write(ada, { path: 'build.md', text: 'make tëst' }, agent);
    expect(await notes.read(ada, 'build.md')).toMatchObject({ text: 'make tëst', version: 2, size: 10, author: agent });
    expect(await notes.read(ada, 'build.md', 1)).toMatchObject({ text: 'make', version: 1, author: person });
    const history = await notes.history(ada, 'build.md');
    const versions = history.map(({ number, author, size }) => `${number} ${author.kind} ${size}`);
    expect(versions).toEqual(['2 agent 10', '1 person 4']);
    expect(await notes.list(project)).toEqual([]);
    await expect(notes.read(project, 'build.md')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a writer that names a version that is not the newest is refused, and changes nothing', async () => {
    const { notes, write } = world();
    await write('a', 'one', 0);
    await expect(write('a', 'two', 0)).rejects.toMatchObject({ code: 'conflict' });
    await write('a', 'two', 1);
    await expect(write('a', 'three', 1)).rejects.toMatchObject({ code: 'conflict' });
    expect(await notes.read(ada, 'a')).toMatchObject({ text: 'two', version: 2 });
  });

  test.each([
    ['', 'empty'],
    ['/a', 'a slash first'],
    ['a/', 'a slash last'],
    ['a//b', 'two slashes'],
    ['../a', 'a folder above'],
    ['a/./b', 'a dot'],
    [' a', 'a space first'],
    ['a\nb', 'a line break'],
    ['a\u202eb', 'a mark of direction'],
    ['e\u0301', 'not NFC'],
    ['a/b/c/d/e/f/g/h/i', 'nine parts'],
    ['x'.repeat(201), 'too long'],
    ['a', 'a text with NUL', 'x\0'],
    ['a', 'a text with half a character', 'x\ud800'],
    ['a', 'a text that is too long', 'ä'.repeat(51), 'payload_too_large'],
  ])('refuse the path %j (%s)', async (path, _, text = 'text', code = 'invalid_request') => {
    const { notes, write } = world();
    await expect(write(path, text)).rejects.toMatchObject({ code });
    expect(await notes.list(ada)).toEqual([]);
  });

  test('a name is a note or a folder', async () => {
    const { notes, write } = world();
    await write('a/b', 'text');
    await expect(write('a', 'text')).rejects.toMatchObject({ code: 'conflict' });
    await expect(write('a/b/c', 'text')).rejects.toMatchObject({ code: 'conflict' });
    await notes.delete(ada, 'a/b', person);
    await write('a', 'text');
  });

  test('all notes together have a limit, which a deletion makes room in', async () => {
    const { notes, write } = world({ maxBytes: 150 });
    await write('a', 'x'.repeat(100));
    await expect(write('b', 'x'.repeat(60))).rejects.toMatchObject({ code: 'conflict' });
    await write('b', 'x'.repeat(50));
    await notes.delete(ada, 'a', person);
    await write('c', 'x'.repeat(100));
    await expect(notes.undo(ada, 'a', undefined, person)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('a holder has at most so many notes', { tags: ['all'] }, async () => {
    const { notes, write } = world();
    for (let n = 0; n < maxNotes; n++) await write(`n${n}`, '');
    await expect(write('one-more', '')).rejects.toMatchObject({ code: 'conflict' });
    await notes.delete(ada, 'n0', person);
    await write('one-more', '');
  });

  test('only the newest versions are kept, and the texts of the others are gone', async () => {
    const { notes, write, stored } = world();
    for (let n = 1; n <= 6; n++) await write('a', `text ${n}`);
    expect((await notes.history(ada, 'a')).map(({ number }) => number)).toEqual([6, 5, 4, 3]);
    expect(await stored()).not.toContain('text 2');
    await expect(notes.read(ada, 'a', 2)).rejects.toMatchObject({ code: 'not_found' });
    await expect(notes.read(ada, 'a', 7)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('the history of all notes together has a limit, and the oldest versions go first', async () => {
    const { notes, write, clock, stored } = world({ maxBytes: 200 });
    for (const text of ['1', '2', '3', '4']) {
      await write('a', text.repeat(90));
      clock.advance(1_000);
    }
    expect((await notes.history(ada, 'a')).map(({ number }) => number)).toEqual([4, 3, 2]);
    expect(await stored()).not.toContain('1'.repeat(90));
  });
});

describe('undo', () => {
  test('brings the version before the newest back, and is itself undone', async () => {
    const { notes, write } = world();
    await write('a', 'one');
    await write('a', 'two');
    await notes.undo(ada, 'a', undefined, person);
    expect(await notes.read(ada, 'a')).toMatchObject({ text: 'one', version: 3 });
    await notes.undo(ada, 'a', undefined, person);
    expect(await notes.read(ada, 'a')).toMatchObject({ text: 'two', version: 4 });
    await notes.undo(ada, 'a', 1, person);
    expect(await notes.read(ada, 'a')).toMatchObject({ text: 'one', version: 5 });
  });

  test('of a deletion brings the note back, and of the first version deletes it', async () => {
    const { notes, write } = world();
    await write('a', 'one');
    expect(await notes.delete(ada, 'a', person)).toMatchObject({ deleted: true, version: 2 });
    await expect(notes.read(ada, 'a')).rejects.toMatchObject({ code: 'not_found' });
    await expect(notes.delete(ada, 'a', person)).rejects.toMatchObject({ code: 'not_found' });
    expect(await notes.undo(ada, 'a', undefined, person)).toMatchObject({ deleted: false, version: 3 });
    await write('b', 'new');
    expect(await notes.undo(ada, 'b', undefined, person)).toMatchObject({ deleted: true });
  });

  test('to the present version, or to one that is not there, is refused', async () => {
    const { notes, write } = world();
    await write('a', 'one');
    await expect(notes.undo(ada, 'a', 1, person)).rejects.toMatchObject({ code: 'conflict' });
    await expect(notes.undo(ada, 'a', 9, person)).rejects.toMatchObject({ code: 'not_found' });
    await expect(notes.undo(ada, 'nothing', undefined, person)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('redaction', () => {
  test('removes the text of a version for good', async () => {
    const { notes, write, stored } = world();
    await write('a', 'the secret');
    await write('a', 'harmless');
    await notes.redact(ada, { path: 'a', version: 1 }, 'ada');
    expect(await stored()).not.toContain('the secret');
    expect(await notes.history(ada, 'a')).toMatchObject([
      { number: 2, text: 'harmless', redacted: null },
      { number: 1, text: null, size: 0, redacted: { by: 'ada' } },
    ]);
    await expect(notes.undo(ada, 'a', 1, person)).rejects.toThrow('cannot be restored');
    await expect(notes.read(ada, 'a', 1)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('of the present text is refused, and of all versions deletes the note', async () => {
    const { notes, write, stored } = world();
    await write('a', 'the secret');
    await write('a', 'the secret again');
    await expect(notes.redact(ada, { path: 'a', version: 2 }, 'ada')).rejects.toMatchObject({ code: 'conflict' });
    expect(await notes.redact(ada, { path: 'a', version: 'all' }, 'ada')).toMatchObject({ deleted: true });
    expect(await stored()).not.toContain('the secret');
    await expect(notes.undo(ada, 'a', undefined, person)).rejects.toMatchObject({ code: 'conflict' });
    await expect(notes.redact(ada, { path: 'a', version: 9 }, 'ada')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('also finds a text that a server left when it died between two writes', async () => {
    const { store, notes, write, stored } = world();
    await write('a', 'one');
    const { put } = store.records;
    store.records.put = async (choice) => {
      if (choice.kind === 'memory') throw new Error('the server died');
      return await put(choice);
    };
    await expect(write('a', 'the secret')).rejects.toThrow('the server died');
    store.records.put = put;
    expect(await stored()).toContain('the secret');
    expect((await notes.history(ada, 'a')).map(({ number }) => number)).toEqual([1]);
    await notes.redact(ada, { path: 'a', version: 'all' }, 'ada');
    expect(await stored()).not.toContain('the secret');
  });

  test('beats an undo that has read the text before', async () => {
    const { store, notes, write, stored } = world();
    await write('a', 'the secret');
    await write('a', 'harmless');
    const { get } = store.records;
    store.records.get = async (kind, id) => {
      const found = await get(kind, id);
      if (kind !== 'memory-version') return found;
      store.records.get = get;
      await notes.redact(ada, { path: 'a', version: 1 }, 'ada');
      return found;
    };
    await expect(notes.undo(ada, 'a', 1, person)).rejects.toThrow('cannot be restored');
    expect(await stored()).not.toContain('the secret');
  });
});

describe('age', () => {
  test('deletes notes that nobody changes, and forgets versions some time after they were replaced', async () => {
    const { notes, write, clock, stored } = world();
    await write('old', 'the first');
    await write('old', 'the second');
    clock.advance(5 * dayMs);
    await write('new', 'kept');
    clock.advance(5 * dayMs);
    expect(await notes.age({ historyMs: 11 * dayMs })).toBe(0);
    expect(await notes.age({ noteMs: 8 * dayMs, historyMs: 8 * dayMs })).toBe(1);
    expect(await stored()).not.toContain('the first');
    const old = { path: 'old', deleted: true, author: { kind: 'server' } };
    expect(await notes.list(ada)).toMatchObject([{ path: 'new', deleted: false, author: person }, old]);
    expect(await notes.undo(ada, 'old', undefined, person)).toMatchObject({ deleted: false });
    await notes.delete(ada, 'old', person);
    clock.advance(9 * dayMs);
    await notes.age({ historyMs: 8 * dayMs });
    expect((await notes.list(ada)).map(({ path }) => path)).toEqual(['new']);
    expect(await stored()).not.toContain('the second');
  });

  test('everything of a project goes with it, and nothing of others', async () => {
    const { notes, write, store } = world();
    await write('a', 'mine');
    await notes.write(project, { path: 'a', text: 'of the project' }, person);
    await notes.write({ of: 'project', id: 'p12' }, { path: 'a', text: 'of another' }, person);
    await notes.forget(project);
    expect(await notes.list(project)).toEqual([]);
    const texts = (await store.records.list('memory-version')).map(({ doc }) => (doc as { text: string }).text);
    expect(texts.sort()).toEqual(['mine', 'of another']);
  });
});
