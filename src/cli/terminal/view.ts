import type { Event } from '../../client/index.ts';
import { eventNoticeOf, isFileReadingTool, isNoteEvent } from '../../core/model/event-traits.ts';
import { toReadableModel } from '../../core/model/runs/readable-model.ts';
import { toOneLine } from '../io.ts';
import { formatCallLine, formatSandboxPhase, hiddenToolNames } from '../render.ts';

type DataOf<Type extends Event['type']> = Extract<Event, { type: Type }>['data'];

export type ChatBlock =
  | { readonly kind: 'you'; readonly text: string }
  | { readonly kind: 'agent'; readonly text: string }
  | {
      readonly kind: 'call';
      readonly title: string;
      readonly output: string;
      readonly change: { readonly before: string; readonly after: string } | undefined;
      readonly isDone: boolean;
      readonly about: string;
    }
  | { readonly kind: 'note' | 'warning' | 'error'; readonly text: string };

interface Call {
  readonly title: string;
  readonly since: number;
  readonly output: string;
}

export interface ChatView {
  readonly blocks: readonly ChatBlock[];
  readonly reply: string;
  readonly calls: ReadonlyMap<string, Call>;
  readonly plan: DataOf<'plan'>['steps'];
  readonly phase: string | undefined;
  /** The start of the current run, epoch ms. */
  readonly since: number | undefined;
  readonly question: string | undefined;
  readonly approvals: readonly DataOf<'approval.requested'>[];
  readonly model: string | undefined;
  readonly tokens: number;
  readonly cost: number | undefined;
}

export const emptyChatView: ChatView = {
  blocks: [],
  reply: '',
  calls: new Map(),
  plan: [],
  phase: undefined,
  since: undefined,
  question: undefined,
  approvals: [],
  model: undefined,
  tokens: 0,
  cost: undefined,
};
const maxOutput = 20_000;

export const appendBlock = (view: ChatView, block: ChatBlock): ChatView => ({
  ...view,
  blocks: [...view.blocks, block],
});

export function applyEvent(view: ChatView, event: Event): ChatView {
  if (isNoteEvent(event)) return noticed(view, event);
  switch (event.type) {
    case 'message.user':
      return appendBlock(view, { kind: 'you', text: event.data.text });
    case 'run.started':
      return { ...view, since: event.ts, plan: [], tokens: 0, cost: undefined };
    case 'sandbox.phase':
      return { ...view, phase: event.data.phase === 'ready' ? undefined : formatSandboxPhase(event) };
    case 'plan':
      return { ...view, plan: event.data.steps };
    case 'step':
      return { ...view, plan: view.plan.map((step) => (step.id === event.data.id ? event.data : step)) };
    case 'message.delta':
      return event.data.waits === 'approval' ? view : { ...view, reply: view.reply + event.data.text };
    case 'message.assistant':
      // The agent's message only repeats the pending approval, for clients that show no approvals.
      if (event.data.waits === 'approval') return { ...view, reply: '' };
      return withPortHints(appendBlock({ ...view, reply: '' }, { kind: 'agent', text: event.data.text }), event);
    case 'tool.calling':
      return hiddenToolNames.has(event.data.function) ? view : withCall(view, event.data.callId, newCall(event));
    case 'tool.output':
      return withOutput(view, event.data);
    case 'tool.called':
      return ended(view, event);
    case 'run.wait':
      return { ...view, question: event.data.question };
    case 'run.resumed':
      return { ...view, question: undefined };
    case 'approval.requested':
      return { ...view, approvals: [...view.approvals, event.data] };
    case 'approval.resolved':
      return { ...view, approvals: view.approvals.filter(({ callId }) => callId !== event.data.callId) };
    case 'usage':
      return withUsage(view, event.data);
    case 'run.notice':
    case 'run.error':
    case 'goal':
    case 'sandbox.untrusted':
      return noticed(view, event);
    case 'run.end':
      return withEnd(view, event);
    default:
      return view;
  }
}

/** A terminal makes links of addresses that exist only in the sandbox. */
function withPortHints(view: ChatView, { data, sessionId }: Extract<Event, { type: 'message.assistant' }>): ChatView {
  const found = data.text.matchAll(/\b(?:localhost|127\.0\.0\.1|0\.0\.0\.0):(\d{1,5})\b/g);
  const ports = new Set([...found].map(([, port]) => port));
  const hint = (port: string | undefined) =>
    `Port ${port} is in the sandbox. Open it with: corral port ${sessionId} ${port}`;
  return [...ports].reduce((now, port) => appendBlock(now, { kind: 'note', text: hint(port) }), view);
}

function noticed(view: ChatView, event: Event): ChatView {
  const reply = eventNoticeOf(event);
  return reply ? appendBlock(view, { kind: reply.level === 'info' ? 'note' : reply.level, text: reply.text }) : view;
}

const newCall = ({ data, ts }: Extract<Event, { type: 'tool.calling' }>): Call => ({
  title: formatCallLine(data),
  since: ts,
  output: '',
});

const withCall = (view: ChatView, id: string, call: Call): ChatView => ({
  ...view,
  calls: new Map(view.calls).set(id, call),
});

function withOutput(view: ChatView, { callId, text }: DataOf<'tool.output'>): ChatView {
  const call = view.calls.get(callId);
  return call ? withCall(view, callId, { ...call, output: (call.output + text).slice(-maxOutput) }) : view;
}

function ended(view: ChatView, { data, ts }: Extract<Event, { type: 'tool.called' }>): ChatView {
  const { callId, success, output, exitCode, reason, content } = data;
  if (hiddenToolNames.has(data.function) && success) return view;
  const call = view.calls.get(callId);
  const calls = new Map(view.calls);
  calls.delete(callId);
  const took = call ? `${((ts - call.since) / 1_000).toFixed(1)} s` : '';
  const why = success ? '' : (reason ?? (exitCode === undefined ? 'failed' : `exit ${exitCode}`));
  const isChange = content && 'content' in content && !isFileReadingTool(data.function);
  const change = isChange ? { before: content.oldContent ?? '', after: content.content } : undefined;
  const about = [why, took].filter(Boolean).join(', ');
  const title = call?.title ?? formatCallLine(data);
  return appendBlock({ ...view, calls }, { kind: 'call', title, output, change, isDone: success, about });
}

function withUsage(view: ChatView, { model, inputTokens, outputTokens, cost }: DataOf<'usage'>): ChatView {
  const sum = cost === undefined ? view.cost : (view.cost ?? 0) + cost;
  return { ...view, model, tokens: view.tokens + inputTokens + outputTokens, cost: sum };
}

function withEnd(view: ChatView, { data: { status }, ts }: Extract<Event, { type: 'run.end' }>): ChatView {
  const still = {
    ...view,
    reply: '',
    calls: new Map(),
    plan: [],
    since: undefined,
    question: undefined,
    approvals: [],
  };
  const used = formatChatStatus(view, ts);
  if (status === 'completed') return used === '' ? still : appendBlock(still, { kind: 'note', text: used });
  const text = [`Run ${status}.`, used].filter(Boolean).join(' ');
  return appendBlock(still, { kind: status === 'failed' ? 'error' : 'warning', text });
}

export function formatChatStatus({ model, tokens, cost, since }: ChatView, now: number): string {
  const time = since === undefined ? undefined : `${Math.max(0, Math.floor((now - since) / 1_000))} s`;
  const used =
    tokens === 0 ? undefined : tokens < 1_000 ? `${tokens} tokens` : `${(tokens / 1_000).toFixed(1)}k tokens`;
  const price = cost === undefined ? undefined : cost < 0.01 ? cost.toFixed(4) : cost.toFixed(2);
  return [model && toOneLine(toReadableModel(model), 40), used, price && `cost ${price}`, time]
    .filter(Boolean)
    .join(' · ');
}
