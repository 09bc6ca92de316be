import { expect, test } from 'vitest';
import type { SessionAgent } from '../../../../../src/core/model/session-agent.ts';
import { changedFields } from '../../../../../src/sessions/run/log/changed-fields.ts';
import { stored } from '../../../../support/machines/session-parts.ts';

const agent: SessionAgent = {
  name: 'Coder',
  instructions: null,
  tools: ['bash'],
  clientTools: [],
  servers: [],
  approvals: [],
  kept: { archivedAt: null },
};
const now = { ...stored(), agent, metadata: { team: 'a' }, budget: { cost: 1, hard: true as const } };

test('the log tells of fields with another value alone, and of an agent only that it is another one', () => {
  const expected = { agent: true, metadata: {}, archived: true };
  expect(changedFields(now, { agent: { ...agent, tools: ['bash', 'read'] }, metadata: {}, archived: true })).toEqual(
    expected,
  );
  expect(changedFields(now, { budget: {} })).toEqual({ budget: {} });
  const same = { agent: { ...agent }, metadata: { team: 'a' }, budget: { ...now.budget }, archived: false };
  expect([changedFields(now, same), changedFields(stored(), { metadata: {}, budget: {} })]).toEqual([{}, {}]);
});

test('files and the words of the interface are no part of the agent, and marks of the page are not told', () => {
  const files = [{ upload: 'u', path: 'a.txt' }];
  const change = { agent: { ...agent, files, kept: { archivedAt: 5 } }, pinned: true, unread: 0 };
  expect(changedFields(now, change)).toEqual({});
});
