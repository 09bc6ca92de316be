import { expect, test } from 'vitest';
import { computeSandboxCondition } from '../../../src/core/model/sandboxes/condition.ts';

const record = { sandboxState: 'stopped', sandboxHeld: false, life: undefined } as const;

test('a sandbox that ended and that nobody holds is paused with its files, where its driver keeps them', () => {
  const released = { ...record, sandboxPhase: 'released' } as const;
  expect(computeSandboxCondition(released, 'files')).toEqual({ condition: 'paused', keeps: 'files' });
  expect(computeSandboxCondition(released, 'memory')).toEqual({ condition: 'paused', keeps: 'files' });
  expect(computeSandboxCondition(released, 'none')).toEqual({ condition: 'stopped', keeps: null });
});

test('a sandbox that a person ended is stopped, and being stopped before', () => {
  const held = { ...record, sandboxHeld: true };
  expect(computeSandboxCondition({ ...held, sandboxPhase: 'pausing' }, 'files').condition).toBe('stopping');
  const expected = { condition: 'stopped', keeps: null };
  expect(computeSandboxCondition({ ...held, sandboxPhase: 'released' }, 'files')).toEqual(expected);
});

test('a frozen sandbox is paused with its memory', () => {
  const frozen = { ...record, sandboxState: 'running', sandboxPhase: 'paused' } as const;
  expect(computeSandboxCondition(frozen, 'memory')).toEqual({ condition: 'paused', keeps: 'memory' });
});

test('a sandbox that a program paused without memory is paused, although nothing but the program resumes it', () => {
  const life = {
    endsAt: null,
    seconds: 1,
    onEnd: 'pause',
    paused: 'files',
    resumes: false,
    env: {},
    kind: 'base',
  } as const;
  const paused = {
    ...record,
    sandboxHeld: true,
    sandboxPhase: 'released',
    life: { ...life, privatePorts: false },
  } as const;
  expect(computeSandboxCondition(paused, 'files')).toEqual({ condition: 'paused', keeps: 'files' });
});

test.each([
  ['created', 'new'],
  ['running', 'running'],
  ['stopped', 'paused'],
  ['not_found', 'lost'],
] as const)('the record of an earlier version that says %s means %s', (sandboxState, condition) =>
  expect(computeSandboxCondition({ ...record, sandboxState }, 'files').condition).toBe(condition),
);
