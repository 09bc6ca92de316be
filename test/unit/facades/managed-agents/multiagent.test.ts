import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import {
  type Multiagent,
  MultiagentInput,
  pinAgentVersions,
  toRoster,
} from '../../../../src/facades/compat/managed-agents/resources/multiagent.ts';
import { parseInput } from '../../../../src/facades/compat/managed-agents/wire.ts';
import type { StoredDocument } from '../../../../src/sessions/api/server/documents.ts';

const docs: Record<string, Partial<StoredDocument>> = {
  agent_a: { version: 3 },
  agent_b: { version: 1 },
  agent_gone: { version: 1, archivedAt: 5 },
  agent_lead: { version: 1, content: { multiagent: { type: 'coordinator', agents: [] } } },
};
async function agent(id: string, version?: number): Promise<StoredDocument> {
  const doc = docs[id];
  if (!doc || (version ?? 0) > (doc.version ?? 0)) throw new AppError('not_found', 'none');
  return {
    id,
    kind: 'agent',
    createdAt: 0,
    updatedAt: 0,
    archivedAt: null,
    content: { multiagent: null },
    ...doc,
    version: version ?? doc.version ?? 1,
  };
}
const saved = (multiagent: unknown, more: { id?: string; now?: Multiagent | null } = {}) =>
  pinAgentVersions(parseInput(MultiagentInput, multiagent) ?? null, { agent, ...more });
const off = { type: 'disabled' };

test('a roster keeps the version of each agent as it is saved, and the agent itself without one', async () => {
  const agents = ['agent_a', { type: 'agent', id: 'agent_b', version: 1 }, { type: 'self' }];
  expect(await saved({ type: 'coordinator', agents })).toEqual({
    type: 'coordinator',
    agents: [
      { type: 'agent', id: 'agent_a', version: 3 },
      { type: 'agent', id: 'agent_b', version: 1 },
      { type: 'self' },
    ],
  });
  const expected = { type: 'coordinator', agents: [{ type: 'self' }] };
  expect(await saved({ type: 'coordinator', agents: ['agent_own'] }, { id: 'agent_own' })).toEqual(expected);
});

test('the newer shape is kept level by level, and what a change leaves out stays', async () => {
  const subagents = { type: 'enabled', inline_agents: off, predefined_agents: ['agent_a'] };
  const now = await saved({ type: 'multiagent_20261001', workflows: off, subagents });
  const first = [{ type: 'agent', id: 'agent_a', version: 3 }];
  expect(now).toEqual({
    type: 'multiagent_20261001',
    advisor: off,
    workflows: off,
    subagents: { ...subagents, predefined_agents: first },
  });
  expect(toRoster(now)).toEqual(first);
  const next = { type: 'enabled', predefined_agents: ['agent_b'] };
  expect(toRoster(await saved({ type: 'multiagent_20261001', subagents: next }, { now }))).toEqual([
    { type: 'agent', id: 'agent_b', version: 1 },
  ]);
  expect(toRoster(await saved({ type: 'multiagent_20261001', subagents: off }, { now }))).toEqual([]);
  expect(await saved({ type: 'multiagent_20261001' }, { now })).toEqual(now);
});

const coordinator = (...agents: unknown[]) => ({ type: 'coordinator', agents });
const enabled = { type: 'enabled', inline_agents: off, predefined_agents: ['agent_a'] };
test.each([
  ['an agent that is not there', coordinator('agent_x'), 'no agent agent_x'],
  ['a version that is not there', coordinator({ type: 'agent', id: 'agent_a', version: 9 }), 'version 9'],
  ['an archived agent', coordinator('agent_gone'), 'archived'],
  ['an agent that has a roster', coordinator('agent_lead'), 'multiagent itself'],
  ['an agent twice', coordinator('agent_a', { type: 'agent', id: 'agent_a', version: 1 }), 'twice'],
  ['itself twice', coordinator({ type: 'self' }, { type: 'self' }), 'twice'],
  ['an advisor', coordinator({ type: 'advisor', model: 'm' }), 'advisor'],
  ['nobody', coordinator(), 'agents'],
  ['too many', coordinator(...Array.from({ length: 21 }, (_, n) => `agent_${n}`)), 'agents'],
  ['workflows, which are on unless they are sent', { type: 'multiagent_20261001', subagents: enabled }, 'workflows'],
  [
    'an advisor of the newer shape',
    { type: 'multiagent_20261001', workflows: off, advisor: { type: 'enabled', model: 'm' }, subagents: enabled },
    'advisor',
  ],
  [
    'agents that it invents',
    { type: 'multiagent_20261001', workflows: off, subagents: { type: 'enabled', predefined_agents: ['agent_a'] } },
    'inline_agents',
  ],
  [
    'nobody to work for it',
    { type: 'multiagent_20261001', workflows: off, subagents: { type: 'enabled', inline_agents: off } },
    'name an agent',
  ],
])('a roster with %s is refused, and the refusal says why', async (_, multiagent, why) => {
  await expect(async () => await saved(multiagent)).rejects.toThrow(why);
});
