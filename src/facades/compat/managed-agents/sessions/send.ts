import { toAppError } from '../../../../core/errors/errors.ts';
import type { FactOf, SessionEvent } from '../../../../core/model/events.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import type { SendCommand } from '../../../../sessions/api/sessions.ts';
import { invalid } from '../errors.ts';
import { iso } from '../wire.ts';
import { eventWord, outcomeWord, threadWord } from './ids.ts';
import { type InboundEvent, messageOf, resultText } from './inbound.ts';
import type { ManagedEvent } from './projection.ts';
import type { SessionProjection } from './threads/session-projection.ts';

type Sessions = Services['sessions'];
interface Target {
  readonly record: SessionRecord;
  readonly projection: SessionProjection;
  readonly sessions: Sessions;
  /** The upload behind a file of the API. Rejects: not_found. */
  readonly uploadOf: (fileId: string) => Promise<string>;
  readonly now: () => number;
}

const atBudget =
  'the session has reached its budget. Raise it by an update of the session; until then only user.tool_confirmation, ' +
  'user.tool_result, user.custom_tool_result and user.interrupt are accepted.';

/** Checks the events against the state of the session, then hands them over in order. */
export async function sendEvents(target: Target, events: readonly InboundEvent[]): Promise<ManagedEvent[]> {
  const uploads = await checked(target, events);
  const answers: ManagedEvent[] = [];
  for (const event of events) answers.push(await sendOne(target, event, uploads));
  return answers;
}

async function checked(
  { record, projection, sessions, uploadOf }: Target,
  events: readonly InboundEvent[],
): Promise<ReadonlyMap<string, string>> {
  if (record.archived) throw invalid('The session is archived.', 'session_archived');
  const uploads = new Map<string, string>();
  let isWaiting = projection.isWaiting;
  let hasOutcome = projection.outcomes.isActive;
  for (const [n, event] of events.entries()) {
    const thread = 'session_thread_id' in event && event.session_thread_id;
    const named = projection.threads.find((one) => threadWord(one) === thread);
    if (thread && !named) throw invalid(`events.${n}.session_thread_id: the session has no thread ${thread}.`);
    if (event.type === 'user.interrupt') {
      if (named && named !== record.id && (await sessions.get(named)).archived)
        throw invalid(`events.${n}.session_thread_id: ${thread} is archived.`);
      isWaiting = false;
      hasOutcome = false;
    }
    if (event.type === 'user.message' || event.type === 'user.define_outcome') {
      if (record.budget?.hard && projection.isAtBudget) throw invalid(`events.${n}: ${atBudget}`, 'budget_reached');
      const ids = projection.pending.join(', ');
      if (isWaiting)
        throw invalid(`events.${n}: the session waits for an answer to ${ids}. Answer, or interrupt first.`);
    }
    if (event.type === 'user.define_outcome') {
      if (hasOutcome)
        throw invalid(`events.${n}: the session has an outcome without a verdict. Wait, or interrupt first.`);
      hasOutcome = true;
    }
    if (event.type === 'user.message') {
      for (const file of messageOf(event).files) uploads.set(file, await uploadOf(file));
    }
    if (event.type === 'user.tool_confirmation') checkCall(projection, event.tool_use_id, { n, isCustom: false });
    if (event.type === 'user.tool_result') {
      if (record.agent?.environment === undefined)
        throw invalid(`events.${n}: user.tool_result is for sessions of self-hosted environments.`);
      const { kind, waitsFor } = checkCall(projection, event.tool_use_id, { n, isCustom: false });
      if (kind !== 'tool' || waitsFor === 'permission')
        throw invalid(`events.${n}: ${event.tool_use_id} waits for no result of a worker.`);
      resultText(event.content);
    }
    if (event.type === 'user.custom_tool_result') {
      checkCall(projection, event.custom_tool_use_id, { n, isCustom: true });
      resultText(event.content);
    }
  }
  return uploads;
}
function checkCall(
  projection: SessionProjection,
  id: string,
  { n, isCustom }: { readonly n: number; readonly isCustom: boolean },
): NonNullable<ReturnType<SessionProjection['callOf']>> {
  const call = projection.callOf(id);
  const what = isCustom ? 'agent.custom_tool_use' : 'agent.tool_use or agent.mcp_tool_use';
  if (!call || (call.kind === 'custom') !== isCustom)
    throw invalid(`events.${n}: ${id} is no ${what} of this session.`);
  return call;
}

async function sendOne(
  target: Target,
  event: InboundEvent,
  uploads: ReadonlyMap<string, string>,
): Promise<ManagedEvent> {
  const { record, sessions, now } = target;
  const { id } = record;
  if (event.type === 'user.message') {
    const active = await sessions.activeRun(id);
    // A run that waits for a word continues with it; one that works finishes first.
    const mode = active && !active.waiting ? 'queue' : 'inject';
    const { seq } = await sessions.send(id, { ...commandOf(event, uploads), mode });
    return { ...event, id: eventWord(id, seq), processed_at: active && !active.waiting ? null : iso(now()) };
  }
  if (event.type === 'user.define_outcome') {
    const { seq } = await sessions.send(id, commandOf(event, uploads));
    const known = { max_iterations: event.max_iterations ?? usualIterations, outcome_id: outcomeWord(id, seq) };
    return { ...event, ...known, id: eventWord(id, seq), processed_at: iso(now()) };
  }
  if (event.type === 'user.interrupt') return await interrupt(target, event);
  return await answer(target, event);
}

const usualIterations = 3;
type Task = Extract<InboundEvent, { type: 'user.message' | 'user.define_outcome' }>;
/** The message of an event that gives the agent something to do, with the uploads behind its files. */
export function commandOf(event: Task, uploads: ReadonlyMap<string, string>): SendCommand {
  if (event.type === 'user.message') {
    const { text, files } = messageOf(event);
    return { text, mode: 'queue', attachments: files.map((file) => uploads.get(file) ?? '') };
  }
  const { description, rubric, max_iterations: iterations } = event;
  if (rubric.type !== 'text') throw invalid('rubric: send it as text.');
  const goal = { rubric: rubric.content, checks: [], maxRevisions: (iterations ?? usualIterations) - 1 };
  return { text: description, mode: 'queue', goal };
}

async function interrupt(
  { record, sessions, projection, now }: Target,
  event: Extract<InboundEvent, { type: 'user.interrupt' }>,
): Promise<ManagedEvent> {
  const named = projection.threads.find((one) => threadWord(one) === event.session_thread_id);
  const id = named ?? record.id; // the children of the primary thread stop with it
  const before = projection.seqOf(id);
  // At its budget nothing goes on that could be interrupted, and the run stays for when the budget is raised.
  const isOff = record.budget?.hard && projection.isAtBudget;
  const { stopped } = isOff ? { stopped: false } : await sessions.stop(id);
  const end = stopped ? await findAfter(sessions, id, before, isStop) : undefined;
  const seq = end?.seq ?? before;
  // Without effect, its id is that of no event.
  const word = end ? eventWord(id, seq) : `${eventWord(id, seq)}none`;
  return { ...event, session_thread_id: event.session_thread_id ?? null, id: word, processed_at: iso(now()) };
}
const isStop = (event: SessionEvent) => event.type === 'run.end' && event.data.reason === 'stopped';

type Answer = Extract<
  InboundEvent,
  { type: 'user.tool_confirmation' | 'user.custom_tool_result' | 'user.tool_result' }
>;
/** The first answer to a call counts. A repeated one is no error, because clients answer each call that they see waiting. */
async function answer({ record, sessions, projection, now }: Target, event: Answer): Promise<ManagedEvent> {
  const toolUse = event.type === 'user.custom_tool_result' ? event.custom_tool_use_id : event.tool_use_id;
  const call = projection.callOf(toolUse);
  const id = call?.thread ?? record.id;
  const before = projection.seqOf(id);
  const routed = { session_thread_id: id === record.id ? null : threadWord(id) };
  const shown =
    event.type === 'user.tool_confirmation'
      ? { ...event, deny_message: event.deny_message ?? null, ...routed }
      : { ...event, content: event.content ?? [], is_error: event.is_error ?? false, ...routed };
  const without: ManagedEvent = { ...shown, id: `${toolUse}again`, processed_at: iso(now()) };
  const isConfirmation = event.type === 'user.tool_confirmation';
  if (call?.waitsFor !== (isConfirmation ? 'permission' : 'result')) return without;
  const { callId } = call;
  const verdict =
    event.type !== 'user.tool_confirmation'
      ? {
          decision: 'approved' as const,
          result: { output: resultText(event.content), isError: event.is_error ?? false },
        }
      : {
          decision: event.result === 'allow' ? ('approved' as const) : ('rejected' as const),
          ...(event.deny_message && { text: event.deny_message }),
        };
  try {
    await sessions.decide(id, { callId, by: 'program', ...verdict });
  } catch (thrown) {
    if (toAppError(thrown).code !== 'conflict') throw thrown; // somebody else was first
    return without;
  }
  const isIt = ({ type, data }: SessionEvent) =>
    type === 'approval.resolved' && (data as FactOf<'approval.resolved'>['data']).callId === callId;
  const resolved = await findAfter(sessions, id, before, isIt);
  return resolved ? { ...without, id: eventWord(id, resolved.seq), processed_at: iso(resolved.ts) } : without;
}

async function findAfter(
  sessions: Sessions,
  id: SessionRecord['id'],
  after: number,
  isIt: (event: SessionEvent) => boolean,
): Promise<SessionEvent | undefined> {
  for (let seq = after; ; ) {
    const { events, head } = await sessions.page(id, seq, 1_000);
    const found = events.find(isIt);
    seq = events.at(-1)?.seq ?? head;
    if (found || events.length === 0 || seq >= head) return found;
  }
}
