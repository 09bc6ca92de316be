import { expect, test } from 'vitest';
import type { SessionFact } from '../../../src/core/events.ts';
import { tellOperator } from '../../../src/observability/operator-log.ts';
import { asks, fact, runId, sessionId } from '../../support/session-parts.ts';

function heard(it: SessionFact): [level: string, about: object, text: string][] {
  const lines: [string, object, string][] = [];
  const line = (level: string) => (about: object, text: string) => void lines.push([level, about, text]);
  tellOperator({ info: line('info'), warn: line('warn') }, sessionId, it);
  return lines;
}

test('a lost sandbox is a warning that names its session and why', () => {
  const lost = fact('sandbox.phase', { phase: 'lost', detail: 'exit code 137' }, null);
  expect(heard(lost)).toEqual([['warn', { session: sessionId, detail: 'exit code 137' }, 'a sandbox was lost']]);
});

test('the end of a run is told, as a warning where it failed, and never what it was about', () => {
  const ended = fact('run.end', { status: 'completed', reason: 'completed', task: 'private' });
  expect(heard(ended)).toEqual([['info', { session: sessionId, run: runId(), reason: 'completed' }, 'a run ended']]);
  const failed = fact('run.end', { status: 'failed', reason: 'failed', task: 'private', code: 'provider_error' });
  expect(heard(failed)).toMatchObject([['warn', { code: 'provider_error' }, 'a run failed']]);
  expect(JSON.stringify([heard(ended), heard(failed)])).not.toContain('private');
});

test('no other fact is logged', () => {
  expect(heard(asks('private'))).toEqual([]);
  expect(heard(fact('sandbox.phase', { phase: 'ready' }, null))).toEqual([]);
});
