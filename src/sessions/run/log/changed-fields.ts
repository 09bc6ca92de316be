import { isDeepStrictEqual } from 'node:util';
import type { FactOf } from '../../../core/model/events.ts';
import type { SessionAgent } from '../../../core/model/session-agent.ts';
import type { StoredSession } from './projection.ts';

export function findChangedSessionFields(
  now: StoredSession,
  { agent, metadata, budget, archived }: Partial<StoredSession>,
): FactOf<'session.updated'>['data'] {
  return {
    ...(agent && !isDeepStrictEqual(ownOf(agent), ownOf(now.agent)) && { agent: true as const }),
    ...(metadata && !isDeepStrictEqual(metadata, now.metadata ?? {}) && { metadata }),
    ...(budget && !isDeepStrictEqual(budget, now.budget ?? {}) && { budget }),
    ...(archived !== undefined && archived !== now.archived && { archived }),
  };
}

function ownOf(agent: SessionAgent | undefined) {
  if (!agent) return undefined;
  const { kept: _kept, files: _files, memoryStores: _stores, ...own } = agent;
  return own;
}
