import type { Message } from '../../../agents/models/model.ts';
import { RecallArgs } from '../../../agents/tools/special.ts';
import type { ToolResult } from '../../../agents/tools/tool.ts';
import { truncateEnd } from '../../../core/text/text.ts';

const maxChars = 8_000;
const maxFound = 8;
const around = 300; // characters before and after a match

export function recallMessages(messages: readonly Message[], args: unknown): ToolResult {
  const { data } = RecallArgs.safeParse(args);
  if (!data || (data.call_id === undefined) === (data.query === undefined)) {
    return { ok: false, reason: 'bad_arguments', output: 'recall needs either call_id or query.' };
  }
  if (data.call_id !== undefined) return ofCall(messages, data.call_id, data.from);
  return search(messages, data.query ?? '', data.from);
}

function ofCall(messages: readonly Message[], callId: string, from: number): ToolResult {
  const found = messages.find((message) => message.role === 'tool' && message.callId === callId);
  if (found?.role !== 'tool') return { ok: false, reason: 'not_found', output: `There is no result of ${callId}.` };
  const text = truncateEnd(found.output.slice(from), maxChars);
  const next = from + text.length;
  const left = found.output.length - next;
  return { ok: true, output: left > 0 ? `${text}\n[${left} more characters: recall with from ${next}]` : text };
}

function search(messages: readonly Message[], query: string, from: number): ToolResult {
  const target = query.toLowerCase();
  const found = messages.flatMap((message) => {
    const text = message.role === 'tool' ? message.output : message.text;
    const at = text.toLowerCase().indexOf(target);
    if (at < 0) return [];
    const who = message.role === 'tool' ? `result of ${message.name}, call_id ${message.callId}` : message.role;
    return [`[${who}]\n${text.slice(Math.max(0, at - around), at + query.length + around)}`];
  });
  const shown = found.slice(from, from + maxFound);
  if (shown.length === 0)
    return { ok: false, reason: 'not_found', output: `Nothing contains ${JSON.stringify(query)}.` };
  const left = found.length - from - shown.length;
  return {
    ok: true,
    output: [...shown, ...(left > 0 ? [`[${left} more: recall with from ${from + maxFound}]`] : [])].join('\n\n'),
  };
}
