import { describe, expect, test } from 'vitest';
import type { SessionEvent, SessionFact } from '../../../../src/core/model/events.ts';
import { addGoalToTask, Goal } from '../../../../src/core/model/runs/goal.ts';
import { RunFold } from '../../../../src/sessions/engine/run-fold.ts';
import { asks, assistantMessage, fact, messageId, runId, sessionId } from '../../../support/machines/session-parts.ts';

const checks = [{ command: 'npm test', timeoutSeconds: 600 }];

describe('a goal', () => {
  test('needs a rubric or a check, and refuses what no run can have', () => {
    expect(Goal.parse({ checks: [{ command: 'npm test' }] })).toEqual({ checks, maxRevisions: 3 });
    for (const wrong of [
      {},
      { rubric: ' ' },
      { checks: [] },
      { checks: [{ command: '' }] },
      { checks: [{ command: 'a\0b' }] },
      { checks: Array.from({ length: 21 }, () => ({ command: 'true' })) },
      { rubric: 'x', maxRevisions: -1 },
      { rubric: 'x', maxRevisions: 21 },
      { rubric: 'x'.repeat(262_145) },
      { rubric: 'x', other: 1 },
      JSON.parse('{"rubric":"x","__proto__":{"maxRevisions":1}}'),
      { rubric: ['x'] },
      { rubric: JSON.parse(`${'['.repeat(1_000)}${']'.repeat(1_000)}`) },
      { checks: Array.from({ length: 10_000 }, () => ({ command: 'true' })) },
      { checks: { length: 1, 0: { command: 'true' } } },
      { checks: [{ command: 'x'.repeat(4_001) }] },
      { checks: [{ command: 'true', cwd: '/' }] },
      { checks: [{ command: 'true', timeoutSeconds: 3_601 }] },
    ])
      expect(Goal.safeParse(wrong).success, JSON.stringify(wrong).slice(0, 80)).toBe(false);
  });

  test('keeps HTML, Markdown and control characters of a rubric as the text that they are', () => {
    const rubric = '<img src=x onerror=alert(1)> **b** \u001b[31m \u202e';
    expect(Goal.parse({ rubric })).toEqual({ rubric, checks: [], maxRevisions: 3 });
    expect(addGoalToTask('Do it', Goal.parse({ rubric }))).toContain(`Goal:\n${rubric}`);
  });

  test('stands behind the task that the agent reads', () => {
    expect(addGoalToTask('Do it', undefined)).toBe('Do it');
    const text = addGoalToTask('Do it', { rubric: 'It is fine.', checks, maxRevisions: 3 });
    expect(text).toMatch(/^Do it\n\n[\s\S]*Goal:\nIt is fine\.[\s\S]*- npm test$/);
  });
});

describe('a run with a goal, folded from its log', () => {
  const transcript = { hasMessage: (id: string) => id === messageId(1), openCalls: () => [], entries: [] } as never;
  const folded = (...facts: SessionFact[]) => {
    const fold = new RunFold();
    for (const [n, it] of facts.entries()) fold.add({ ...it, seq: n + 1, sessionId, ts: n } as SessionEvent);
    return { soFar: fold.soFar(transcript), resume: fold.resume(transcript, runId(), 100), goal: fold.goal };
  };
  const goal = { checks, maxRevisions: 3 };
  const begin = [
    fact('message.user', { messageId: messageId(1), text: 'x', attachments: [], goal }),
    fact('run.started', { task: 'x', messageId: messageId(1) }),
  ];
  const outcome = { kind: 'checked', round: 1, command: 'npm test', result: 'missed', detail: '' } as const;
  const checked = fact('goal', outcome);
  const feedback = { messageId: messageId(2), text: 'It is missed.' };
  const missed = fact('goal', { kind: 'judged', round: 1, result: 'not_satisfied', reason: 'x', feedback });

  test('continues with a round that was not over, and knows what was checked in it', () => {
    const checking = fact('goal', { kind: 'checking', round: 1, command: 'npm test' });
    const { resume, soFar } = folded(...begin, checking, checked);
    expect([resume.judgement, soFar.checked]).toEqual([{ round: 1, revisions: 0, isOpen: true }, [outcome]]);
    expect(resume.spent.turns).toBe(0); // no turn was cut
  });

  test('is notified of a miss that no turn has seen', () => {
    const { resume, soFar } = folded(...begin, checked, missed);
    expect([resume.judgement, soFar.inbox]).toEqual([{ round: 1, revisions: 1, isOpen: false }, [feedback]]);
    expect(resume.acts).toEqual([]);
  });

  test.each([assistantMessage('Go.'), asks('One more thing', messageId(4))])('$type ends the round', (after) => {
    const { resume } = folded(...begin, checked, after);
    expect([resume.judgement?.isOpen, resume.acts]).toEqual([false, []]);
  });

  test('has its goal before it begins', () => expect(folded(...begin.slice(0, 1)).goal).toEqual(goal));
});
