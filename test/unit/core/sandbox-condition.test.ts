import { expect, test } from 'vitest';
import { computeSandboxCondition } from '../../../src/core/model/sandboxes/condition.ts';

const record = { sandboxState: 'stopped', sandboxHeld: false, life: undefined } as const;

const released = { ...record, sandboxPhase: 'released' } as const;
const held = { ...released, sandboxHeld: true };
const life = {
  endsAt: null,
  seconds: 1,
  onEnd: 'pause',
  resumes: false,
  env: {},
  kind: 'base',
  privatePorts: false,
} as const;
const pausedByProgram = { ...held, life: { ...life, paused: 'files' } } as const;
const frozen = { ...record, sandboxState: 'running', sandboxPhase: 'paused' } as const;
test.each([
  ['ended, with a driver that keeps files', released, 'files', 'paused', 'files'],
  ['ended, with a driver that keeps memory', released, 'memory', 'paused', 'files'],
  ['ended, with a driver that keeps nothing', released, 'none', 'stopped', null],
  ['is ended by a person', { ...held, sandboxPhase: 'pausing' }, 'files', 'stopping', null],
  ['was ended by a person', held, 'files', 'stopped', null],
  ['is frozen', frozen, 'memory', 'paused', 'memory'],
  ['was paused by a program, which alone resumes it', pausedByProgram, 'files', 'paused', 'files'],
] as const)('a sandbox that %s', (_, of, kept, condition, keeps) =>
  expect(computeSandboxCondition(of, kept)).toEqual({ condition, keeps }),
);

test.each([
  ['created', 'new'],
  ['running', 'running'],
  ['stopped', 'paused'],
  ['not_found', 'lost'],
] as const)('the record of an earlier version that says %s means %s', (sandboxState, condition) =>
  expect(computeSandboxCondition({ ...record, sandboxState }, 'files').condition).toBe(condition),
);
