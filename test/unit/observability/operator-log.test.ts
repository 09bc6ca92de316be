import { expect, test } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { tellOperator } from '../../../src/observability/operator-log.ts';
import { asks, fact, runId, sessionId } from '../../support/machines/session-parts.ts';

function heard(it: SessionFact, failure?: AppError): [level: string, about: object, text: string][] {
  const lines: [string, object, string][] = [];
  const line = (level: string) => (about: object, text: string) => void lines.push([level, about, text]);
  tellOperator({ info: line('info'), warn: line('warn') }, sessionId, it, failure);
  return lines;
}

test('a lost sandbox is a warning that names its session and why', () => {
  const lost = fact('sandbox.phase', { phase: 'lost', detail: 'exit code 137' }, null);
  expect(heard(lost)).toEqual([['warn', { session: sessionId, detail: 'exit code 137' }, 'a sandbox was lost']]);
});

test('a lost sandbox is told with the cause that no client sees', () => {
  const lost = fact('sandbox.phase', { phase: 'lost', detail: 'It did not start.' }, null);
  const cause = new Error("ENOENT: no such file, chmod '/data/s/sealed'");
  const about = { session: sessionId, detail: 'It did not start.', code: 'sandbox_unavailable', err: cause };
  const failure = new AppError('sandbox_unavailable', 'It did not start.', { cause });
  expect(heard(lost, failure)).toEqual([['warn', about, 'a sandbox was lost']]);
  const missing = new AppError('image_missing', 'It did not start.');
  expect(heard(lost, missing)).toMatchObject([['warn', { code: 'image_missing', err: missing }, 'a sandbox was lost']]);
});

test('the end of a run is told, as a warning where it failed, and never what it was about', () => {
  const ended = fact('run.end', { status: 'completed', reason: 'completed', task: 'private' });
  expect(heard(ended)).toEqual([['info', { session: sessionId, run: runId(), reason: 'completed' }, 'a run ended']]);
  const failed = fact('run.end', { status: 'failed', reason: 'failed', task: 'private', code: 'provider_error' });
  expect(heard(failed)).toMatchObject([['warn', { code: 'provider_error' }, 'a run failed']]);
  expect(JSON.stringify([heard(ended), heard(failed)])).not.toContain('private');
});

test('no other fact is logged', () => {
  expect([heard(asks('private')), heard(fact('sandbox.phase', { phase: 'ready' }, null))]).toEqual([[], []]);
});
