import type { SessionUpdate } from '@agentclientprotocol/sdk';
import type { AgentStreamEnd, AgentUpdate } from '../../core/model/agent-updates.ts';
import type { PlanStep } from '../../core/model/events.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { AcpToolCalls } from './calls.ts';

const maxSteps = 100;

const stepStatus = { pending: 'pending', in_progress: 'running', completed: 'completed' } as const;

export type AgentStreamItem = AgentUpdate | AgentStreamEnd;
export const isAgentStreamEnd = (item: AgentStreamItem): item is AgentStreamEnd =>
  item.kind === 'replied' || item.kind === 'asks' || item.kind === 'failed';

export function toAgentUpdates(update: SessionUpdate, calls: AcpToolCalls): readonly AgentUpdate[] {
  switch (update.sessionUpdate) {
    case 'agent_message_chunk':
      return update.content.type === 'text' ? [{ kind: 'text', text: update.content.text }] : [];
    case 'agent_thought_chunk':
      return update.content.type === 'text' ? [{ kind: 'thought', text: update.content.text }] : [];
    case 'plan':
      return [{ kind: 'plan', steps: toSteps(update.entries) }];
    case 'tool_call':
    case 'tool_call_update':
      return calls.receive(update, update.sessionUpdate === 'tool_call');
    default:
      return [];
  }
}

/** Corral shows only one running step: all other steps in progress become pending. */
function toSteps(entries: readonly { content: string; status: keyof typeof stepStatus }[]): PlanStep[] {
  let isRunning = false;
  return entries.slice(0, maxSteps).map(({ content, status }, at) => {
    const own = status === 'in_progress' && isRunning ? 'pending' : (stepStatus[status] ?? 'pending');
    isRunning ||= own === 'running';
    return { id: String(at + 1), description: truncateEnd(content, 300), status: own };
  });
}
