import type { CallResult, PendingCall } from '../../../../machines/run.ts';
import type { Tool } from '../../../agents/tools/tool.ts';
import { findToolFamily } from '../../../agents/tools/words.ts';
import type { ApprovalRule } from '../../../core/model/approval-rule.ts';
import { compileGlobs } from '../../../core/text/glob.ts';
import { describeUntrustedSources } from '../../../core/text/strangers.ts';
import { truncateEnd } from '../../../core/text/text.ts';
import type { RunContext } from '../run-context.ts';

interface RuledCall {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export const findMatchingRule = (rules: readonly ApprovalRule[], call: RuledCall): ApprovalRule | undefined =>
  rules.find((rule) => compileGlobs([rule.tool])(call.name) && isAbout(rule, call));

const subjects = ['command', 'file', 'path', 'url', 'query', 'code'] as const;
const operators = /[;&|<>()`\r\n]/g;

function isAbout({ action, pattern }: ApprovalRule, { args }: RuledCall): boolean {
  if (pattern === undefined) return true;
  const { subject, text } = findSubject(args);
  if (subject !== 'command') return fits(pattern, text);
  const whole = text.trim();
  // An allow rule does not cover appended commands: `git *` does not allow `git status; rm -r .`
  if (action === 'allow') return fits(pattern, whole) && operatorsIn(whole) === operatorsIn(pattern);
  return [whole, ...text.split(operators)].some((part) => fits(pattern, part.trim()));
}

function findSubject(args: RuledCall['args']): { readonly subject: string; readonly text: string } {
  for (const subject of subjects) {
    const text = args[subject];
    if (typeof text === 'string') return { subject, text };
  }
  return { subject: 'arguments', text: JSON.stringify(args) };
}

const operatorsIn = (text: string): number => text.match(operators)?.length ?? 0;

const fits = (pattern: string, text: string): boolean =>
  fitsExactly(pattern, text) || (pattern.endsWith(' *') && fitsExactly(pattern.slice(0, -2), text));

/** Takes linear time, so that a pattern cannot cause excessive backtracking. */
function fitsExactly(pattern: string, text: string): boolean {
  const [first = '', ...more] = pattern.split('*');
  const last = more.pop();
  if (last === undefined) return text === pattern;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of more) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/** Returns the arguments as an object with the tool's own argument names. */
export function toLoggedArgs(input: unknown, tool?: Pick<Tool, 'restore'>): Record<string, unknown> {
  const args = tool?.restore ? tool.restore(input) : input;
  if (args !== null && typeof args === 'object' && !Array.isArray(args)) return args as Record<string, unknown>;
  return args === undefined || args === null ? {} : { value: args };
}

/** Returns undefined if the call can run. */
export function decidePermission(
  { tools, approvals, isPermitted, strangers }: Pick<RunContext, 'tools' | 'approvals' | 'isPermitted' | 'strangers'>,
  { callId, name, args, begun, verdict, confirm, content, fixed }: PendingCall,
): Extract<CallResult, { kind: 'ask' }> | { readonly kind: 'refused'; readonly why: string } | undefined {
  // A call that has begun was approved or needed no approval.
  if (begun && !verdict) return undefined;
  const tool = tools.find(name);
  const shown = toLoggedArgs(args, tool);
  const family = tool?.family;
  // Messages to the user are exempt, so that an agent can report a denial.
  const rule =
    (family ?? findToolFamily(name)) === 'message'
      ? undefined
      : findMatchingRule(approvals?.rules ?? [], { name, args: shown });
  if (rule?.action === 'deny' && !begun) return { kind: 'refused', why: deniedBy(rule) };
  const isAllowed = verdict?.decision === 'approved';
  if (isAllowed && (tool?.byClient !== 'worker' || verdict.result)) return undefined;
  if (verdict?.decision === 'expired') {
    return { kind: 'refused', why: 'Not run: nobody approved it in time. Do not try it again unasked.' };
  }
  if (verdict?.decision === 'questioned') {
    const then = 'Answer them first. Then make the call again if it is still right, and they are consulted again.';
    return {
      kind: 'refused',
      why: `Not run yet: the user has a question about this call: ${verdict.text ?? ''}\n${then}`,
    };
  }
  if (verdict && !isAllowed) {
    const text = verdict.text ? ` Their comment: ${verdict.text}` : '';
    return { kind: 'refused', why: `Not run: the user rejected this call.${text}` };
  }
  const isNamed = approvals?.tools.some((one) => one === '*' || one === name) === true;
  const sources = (tool?.asksAfterStrangers && strangers?.()) || [];
  const isSuspect = sources.length > 0; // if true, neither a rule nor an earlier permission can allow the call
  const listed = isSuspect || (rule ? rule.action === 'ask' : isNamed || tool?.asksFirst === true);
  const isListed = listed && family !== undefined && family !== 'message';
  const isPermittedAlready = isPermitted?.(name) && !isSuspect;
  const needsPermission = !isAllowed && ((isListed && !isPermittedAlready) || confirm !== undefined);
  const isForWorker = tool?.byClient === 'worker' && !needsPermission;
  const byClient = (tool?.byClient === 'program' || isForWorker) && { byClient: true as const };
  if (!byClient && !needsPermission) return undefined;
  const warning = isSuspect ? describeUntrustedSources(sources) : undefined;
  const reason = confirm === undefined ? warning : truncateEnd(confirm, maxShown);
  const { timeoutMs } = approvals ?? { timeoutMs: usualTimeoutMs };
  const more = {
    ...(reason !== undefined && { reason }),
    ...(content && { content }),
    ...(fixed && { fixed }),
    ...byClient,
    ...(tool?.byClient === 'worker' && needsPermission && { forWorker: true as const }),
  };
  const approval = { callId, function: name, args: shown, timeoutMs, ...more };
  const why = confirm === undefined ? warning : `The provider of the model wants a person to decide: ${reason}`;
  const question = byClient ? waitsForClient(name, { args: shown, isForWorker }) : questionOf(name, shown, why);
  return { kind: 'ask', question, approval };
}

function deniedBy({ tool, pattern }: ApprovalRule): string {
  const what = pattern === undefined ? tool : `${tool} with ${pattern}`;
  return `Not run: a rule of this server denies ${what}. Nobody can approve it in the conversation. Do it another way, or say what you cannot do.`;
}

const usualTimeoutMs = 600_000; // default of approvals.timeout-seconds
const maxShown = 500;

function waitsForClient(name: string, { args, isForWorker }: { args: Record<string, unknown>; isForWorker: boolean }) {
  const recipient = isForWorker ? "a worker of this session's environment" : 'the program of this session';
  const only = isForWorker ? 'Only a worker' : 'Only the program';
  return `Waiting for ${recipient} to run ${name}.\n\n    ${formatArgs(args)}\n\n${only} can answer. You can refuse the call, or say what to do instead.`;
}

function formatArgs(args: Record<string, unknown>): string {
  const message = typeof args.command === 'string' ? args.command : JSON.stringify(args);
  const shown = message.length > maxShown ? `${truncateEnd(message, maxShown)}…` : message;
  return shown.replaceAll('\n', '\n    ');
}

function questionOf(name: string, args: Record<string, unknown>, reason: string | undefined): string {
  const why = reason === undefined ? '' : `\n\n${reason}`;
  return `Allow ${name}?\n\n    ${formatArgs(args)}${why}\n\nReply "approve", ask about it, or say what to do instead.`;
}
