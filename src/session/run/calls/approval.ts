import type { CallResult, PendingCall } from '../../../../machines/run.ts';
import { beginningOf } from '../../../core/text.ts';
import type { Working } from '../run-context.ts';

/** The model's arguments as an object, which is the log's shape. */
export function shownArgs(args: unknown): Record<string, unknown> {
  if (args !== null && typeof args === 'object' && !Array.isArray(args)) return args as Record<string, unknown>;
  return args === undefined || args === null ? {} : { value: args };
}

/** Undefined when the call may run. Else the run has to ask for permission, or the refusal tells the model why. */
export function permissionFor(
  { tools, approvals }: Pick<Working, 'tools' | 'approvals'>,
  { callId, name, args, begun, verdict }: PendingCall,
): Extract<CallResult, { kind: 'ask' }> | { readonly kind: 'refused'; readonly why: string } | undefined {
  // a call that has begun had permission, or needed none
  if (verdict?.decision === 'approved' || (begun && !verdict)) return undefined;
  if (verdict?.decision === 'expired') {
    return { kind: 'refused', why: 'Not run: nobody approved it in time. Do not try it again unasked.' };
  }
  if (verdict) {
    const said = verdict.text ? ` They said: ${verdict.text}` : '';
    return { kind: 'refused', why: `Not run: the user rejected this call.${said}` };
  }
  const family = tools.find(name)?.family;
  const listed = approvals?.tools.some((tool) => tool === '*' || tool === name);
  if (!approvals || !listed || family === undefined || family === 'message') return undefined;
  const shown = shownArgs(args);
  const approval = { callId, function: name, args: shown, timeoutMs: approvals.timeoutMs };
  return { kind: 'ask', question: questionOf(name, shown), approval };
}

const mostShown = 500;

function questionOf(name: string, args: Record<string, unknown>): string {
  const told = typeof args.command === 'string' ? args.command : JSON.stringify(args);
  const shown = told.length > mostShown ? `${beginningOf(told, mostShown)}…` : told;
  return `May I call ${name}?\n\n    ${shown.replaceAll('\n', '\n    ')}\n\nAnswer "approve", or say what I should do instead.`;
}
