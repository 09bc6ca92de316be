import type { FactOf } from '../../../../core/model/events.ts';
import { toApiUploadId } from './ids.ts';

export interface EventDraft {
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;
}
interface KnownCall {
  readonly eventId: string;
  readonly kind: 'tool' | 'mcp' | 'custom';
  readonly answered: boolean;
}
/** `waitsFor` is undefined while the call is running and after it is answered. */
export interface AnnouncedToolCall {
  readonly callId: string;
  readonly kind: KnownCall['kind'];
  readonly isAnswered: boolean;
  readonly waitsFor: 'permission' | 'result' | undefined;
}
interface Announcer {
  readonly agent: { readonly customTools: ReadonlySet<string>; readonly servers: ReadonlyMap<string, string> };
  readonly eventId: string;
}
interface Call {
  readonly callId: string;
  readonly function: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export class ToolCallTracker {
  readonly #all: Map<string, KnownCall>;
  readonly #pending: Map<string, 'permission' | 'result'>;
  readonly #underWay: Set<string>;

  constructor(from?: ToolCallTracker) {
    this.#all = new Map(from ? from.#all : []);
    this.#pending = new Map(from ? from.#pending : []);
    this.#underWay = new Set(from ? from.#underWay : []);
  }
  copy(): ToolCallTracker {
    return new ToolCallTracker(this);
  }

  get pending(): readonly string[] {
    return [...this.#pending.keys()].map((callId) => this.#all.get(callId)?.eventId ?? '');
  }
  get underWay(): number {
    return this.#underWay.size;
  }
  of(eventId: string): AnnouncedToolCall | undefined {
    for (const [callId, { eventId: known, kind, answered }] of this.#all)
      if (known === eventId) return { callId, kind, isAnswered: answered, waitsFor: this.#pending.get(callId) };
    return undefined;
  }

  ask(data: FactOf<'approval.requested'>['data'], by: Announcer): EventDraft | undefined {
    const { callId, byClient } = data;
    const announcement = this.#all.has(callId) ? undefined : this.#announce(data, byClient ? 'allow' : 'ask', by);
    const isForResult = byClient || this.#all.get(callId)?.kind === 'custom';
    this.#pending.set(callId, isForResult ? 'result' : 'permission');
    return announcement;
  }

  resolve({ callId, decision, text, result }: FactOf<'approval.resolved'>['data']): EventDraft | undefined {
    this.#pending.delete(callId);
    const call = this.#all.get(callId);
    if (!call) return undefined;
    if (result) {
      this.#all.set(callId, { ...call, answered: true });
      const content = result.blocks ?? [{ type: 'text', text: result.output }];
      const input = { content, is_error: result.isError };
      return call.kind === 'custom'
        ? { type: 'user.custom_tool_result', fields: { custom_tool_use_id: call.eventId, ...input } }
        : { type: 'user.tool_result', fields: { tool_use_id: call.eventId, ...input } };
    }
    const isAllowed = decision === 'approved';
    const fields = {
      tool_use_id: call.eventId,
      result: isAllowed ? 'allow' : 'deny',
      deny_message: isAllowed ? null : (text ?? null),
      session_thread_id: null,
    };
    return { type: 'user.tool_confirmation', fields };
  }

  begin(call: Call, by: Announcer & { readonly isShown: boolean }): EventDraft | undefined {
    this.#underWay.add(call.callId);
    return by.isShown && !this.#all.has(call.callId) ? this.#announce(call, 'allow', by) : undefined;
  }

  end({ callId, output, success, pictures = [] }: FactOf<'tool.called'>['data']): EventDraft | undefined {
    this.#underWay.delete(callId);
    const call = this.#all.get(callId);
    this.#all.set(callId, { ...(call ?? { eventId: '', kind: 'tool' }), answered: true });
    const shown = pictures.map(({ file }) => ({
      type: 'image',
      source: { type: 'file', file_id: toApiUploadId(file) },
    }));
    return call && toResultDraft(call, [...textsOf(output), ...shown], !success);
  }

  endAll(): EventDraft[] {
    const open = [...this.#all].filter(([, { answered }]) => !answered);
    for (const [callId, call] of open) this.#all.set(callId, { ...call, answered: true });
    this.#pending.clear();
    this.#underWay.clear();
    const content = textsOf('Tool execution was interrupted before completion. Please retry.');
    return open.flatMap(([, call]) => toResultDraft(call, content, true) ?? []);
  }

  #announce({ callId, function: name, args: input }: Call, permission: 'allow' | 'ask', by: Announcer): EventDraft {
    const { agent, eventId } = by;
    const mcp = /^mcp_([a-z0-9]+)_(.+)$/.exec(name);
    const kind = agent.customTools.has(name) ? 'custom' : mcp ? 'mcp' : 'tool';
    this.#all.set(callId, { eventId, kind, answered: false });
    if (kind === 'custom') return { type: 'agent.custom_tool_use', fields: { name, input } };
    const evaluation = { type: permission === 'ask' ? 'always_ask' : 'always_allow' };
    const judged = { input, evaluated_permission: permission, evaluation };
    if (!mcp) return { type: 'agent.tool_use', fields: { name, ...judged } };
    const [, server = '', tool = ''] = mcp;
    const fields = { name: tool, mcp_server_name: agent.servers.get(server) ?? server, ...judged };
    return { type: 'agent.mcp_tool_use', fields };
  }
}

const textsOf = (text: string) => (text === '' ? [] : [{ type: 'text', text }]);

function toResultDraft(
  { eventId, kind, answered }: KnownCall,
  content: readonly object[],
  isError: boolean,
): EventDraft | undefined {
  if (answered) return undefined;
  const result = { content, is_error: isError };
  return kind === 'mcp'
    ? { type: 'agent.mcp_tool_result', fields: { mcp_tool_use_id: eventId, ...result } }
    : { type: 'agent.tool_result', fields: { tool_use_id: eventId, ...result } };
}
