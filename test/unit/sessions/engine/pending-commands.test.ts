import { test as base, describe, expect } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { SessionId } from '../../../../src/core/model/ids.ts';
import { PendingCommands } from '../../../../src/sessions/engine/session-commands.ts';
import { sessionId } from '../../../support/machines/session-parts.ts';

const other = SessionId.parse('00000000000000bb');
const down = new AppError('shutting_down', 'The server is shutting down.');

const test = base.extend('answers', () => new PendingCommands());

describe('an answer', () => {
  test('reaches all who are named, with its value', async ({ answers }) => {
    const [one, two] = [answers.expect(sessionId, 'one'), answers.expect(sessionId, 'two')];
    answers.settle(['one', 'two'], { ok: true, value: 7 });
    expect(await Promise.all([one, two])).toEqual([7, 7]);
  });

  test('may be a refusal, with its code and words', async ({ answers }) => {
    const one = answers.expect(sessionId, 'one');
    answers.settle(['one'], { ok: false, code: 'queue_full', message: 'Too many.' });
    await expect(one).rejects.toMatchObject({ code: 'queue_full', publicMessage: 'Too many.' });
  });

  test('is delivered once: a later one finds nobody', async ({ answers }) => {
    const one = answers.expect(sessionId, 'one');
    answers.settle(['one'], { ok: true, value: 'first' });
    answers.settle(['one', 'stranger'], { ok: false, code: 'internal', message: 'late' });
    answers.refuse(down);
    expect(await one).toBe('first');
  });

  test('is refused to all callers of one session, and to no others', async ({ answers }) => {
    const [mine, theirs] = [answers.expect(sessionId, 'mine'), answers.expect(other, 'theirs')];
    answers.refuse(down, sessionId);
    await expect(mine).rejects.toBe(down);
    answers.settle(['theirs'], { ok: true, value: 'fine' });
    expect(await theirs).toBe('fine');
  });

  test('is what becomes of it in the log, once it is on its way there', async ({ answers }) => {
    const one = answers.expect(sessionId, 'one');
    answers.onTheirWay(['one']);
    answers.refuse(down, sessionId);
    answers.settle(['one'], { ok: true, value: 'arrived' });
    expect(await one).toBe('arrived');
  });

  test('is refused to everybody when nobody will answer any more', async ({ answers }) => {
    const all = [answers.expect(sessionId, 'mine'), answers.expect(other, 'theirs')];
    answers.refuse(down);
    for (const one of all) await expect(one).rejects.toBe(down);
  });
});
