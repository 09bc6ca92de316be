import type { SessionUpdate, ToolCallUpdate, ToolKind } from '@agentclientprotocol/sdk';
import type { AgentCall, AgentPause, AgentResult, AgentUpdate } from '../core/agent-updates.ts';
import type { PlanStep, ToolContent, ToolFamily } from '../core/events.ts';
import { beginningOf } from '../core/text.ts';

const maxOutput = 64 * 1024; // characters
const maxArgs = 64 * 1024; // characters of JSON
const mostSteps = 100;

const families: Partial<Record<ToolKind, ToolFamily>> = {
  ...{ read: 'file', edit: 'file', delete: 'file', move: 'file' },
  ...{ execute: 'shell', search: 'search', fetch: 'browser' },
};
const stepStatus = { pending: 'pending', in_progress: 'running', completed: 'completed' } as const;

export type Item = AgentUpdate | AgentPause;
export const isPause = (item: Item): item is AgentPause =>
  item.kind === 'said' || item.kind === 'asks' || item.kind === 'failed';

/** The parts of an update that Corral shows; none for other updates. */
export function updateOf(update: SessionUpdate, calls: Calls): readonly AgentUpdate[] {
  switch (update.sessionUpdate) {
    case 'agent_message_chunk':
      return update.content.type === 'text' ? [{ kind: 'text', text: update.content.text }] : [];
    case 'agent_thought_chunk':
      return update.content.type === 'text' ? [{ kind: 'thought', text: update.content.text }] : [];
    case 'plan':
      return [{ kind: 'plan', steps: stepsOf(update.entries) }];
    case 'tool_call':
    case 'tool_call_update':
      return calls.heard(update);
    default:
      return [];
  }
}

/** One step runs at a time: of several at work the first one counts. */
function stepsOf(entries: readonly { content: string; status: keyof typeof stepStatus }[]): PlanStep[] {
  let isRunning = false;
  return entries.slice(0, mostSteps).map(({ content, status }, at) => {
    const own = status === 'in_progress' && isRunning ? 'pending' : (stepStatus[status] ?? 'pending');
    isRunning ||= own === 'running';
    return { id: String(at + 1), description: beginningOf(content, 300), status: own };
  });
}

interface Known {
  readonly call: Omit<AgentCall, 'kind'>;
  isAnnounced: boolean;
  isOver: boolean;
  output: string;
  content: ToolContent | null;
}
const mostCalls = 2_000;

/** The tool calls of an agent, under ids of ours: an agent can use an id again. */
export class Calls {
  readonly #known = new Map<string, Known>();
  readonly #newId: () => string;

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  /** The call of a request for permission. */
  asked(update: ToolCallUpdate): Known {
    return this.#of(update);
  }

  heard(update: ToolCallUpdate): readonly (AgentCall | AgentResult)[] {
    const known = this.#of(update);
    if (known.isOver) return [];
    this.#read(update, known);
    const said: (AgentCall | AgentResult)[] = [];
    if (!known.isAnnounced && update.status !== 'pending') said.push(announced(known));
    if (update.status !== 'completed' && update.status !== 'failed') return said;
    known.isOver = true;
    const { output, content } = known;
    said.push({ kind: 'result', callId: known.call.callId, success: update.status === 'completed', output, content });
    return said;
  }

  #of(update: ToolCallUpdate): Known {
    const known = this.#known.get(update.toolCallId);
    if (known && !known.isOver) return known;
    if (this.#known.size >= mostCalls) this.#known.clear();
    const made = { call: callOf(update, this.#newId()), isAnnounced: false, isOver: false, output: '', content: null };
    this.#known.set(update.toolCallId, made);
    return made;
  }

  #read({ content }: ToolCallUpdate, known: Known): void {
    for (const one of content ?? []) {
      if (one.type === 'diff') known.content = { content: one.newText, oldContent: one.oldText ?? null };
      if (one.type === 'content' && one.content.type === 'text')
        known.output = beginningOf(one.content.text, maxOutput);
    }
    const { command } = known.call.args;
    if (known.content === null && typeof command === 'string' && known.output !== '') {
      known.content = { console: [{ ps1: '$ ', command, output: known.output }] };
    }
  }
}

function announced(known: Known): AgentCall {
  known.isAnnounced = true;
  return { kind: 'call', ...known.call };
}

function callOf({ kind, name, title, rawInput, locations }: ToolCallUpdate, callId: string): Known['call'] {
  const word = (name ?? kind ?? 'tool').replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || 'tool';
  const input = typeof rawInput === 'object' && rawInput !== null && !Array.isArray(rawInput) ? rawInput : {};
  const isSmall = JSON.stringify(input).length <= maxArgs;
  const path = locations?.[0]?.path;
  const args: Record<string, unknown> = {
    ...(title && { title: beginningOf(title, 500) }),
    ...(path && { path: beginningOf(path, 4_096) }),
    ...(isSmall ? input : { note: 'The input is too large to show.' }),
  };
  if (kind === 'execute' && typeof args.command !== 'string' && title) args.command = beginningOf(title, 4_096);
  return { callId, name: word, family: families[kind ?? 'other'] ?? 'mcp', args };
}
