import { toAppError } from '../../../../core/errors/errors.ts';
import type { FactOf, SessionEvent } from '../../../../core/model/events.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { CallDecision } from '../../../../core/model/runs/session-command.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import type { SendUserMessageCommand } from '../../../../sessions/api/sessions.ts';
import { invalidRequestError, ManagedAgentsError } from '../errors.ts';
import { toIsoTime } from '../wire.ts';
import { type ContentFileStore, type EventContents, readEventContents } from './content.ts';
import { toApiEventId, toApiOutcomeId, toApiThreadId } from './ids.ts';
import type { InboundEvent } from './inbound.ts';
import type { ManagedEvent } from './projection.ts';
import type { SessionProjection } from './threads/session-projection.ts';

type Sessions = Services['sessions'];
interface Target {
  readonly record: SessionRecord;
  readonly projection: SessionProjection;
  readonly sessions: Sessions;
  readonly files: ContentFileStore;
  readonly now: () => number;
}

const atBudget =
  'the session has reached its budget. Raise it by an update of the session; until then only user.tool_confirmation, ' +
  'user.tool_result, user.custom_tool_result and user.interrupt are accepted.';

export async function sendEvents(target: Target, events: readonly InboundEvent[]): Promise<ManagedEvent[]> {
  await check(target, events);
  const eventContents = await readEventContents(events, target.files);
  const answers: ManagedEvent[] = [];
  const left = [...events];
  for (let next = left.shift(); next; next = left.shift()) {
    if (!isAnswer(next)) {
      answers.push(await sendOne(target, next, eventContents));
      continue;
    }
    const together = [next];
    while (isAnswer(left[0])) together.push(left.shift() as Answer);
    answers.push(...(await answerAll(target, together, eventContents)));
  }
  return answers;
}

async function check({ record, projection, sessions }: Target, events: readonly InboundEvent[]): Promise<void> {
  if (record.archived) {
    // Refuses callers who cannot change the session, so that the error below does not reveal its state.
    await sessions.update(record.id, {});
    throw invalidRequestError('The session is archived.', 'session_archived');
  }
  const permitted = new Set<string>();
  let isWaiting = projection.isWaiting;
  let hasOutcome = projection.outcomes.isActive;
  for (const [n, event] of events.entries()) {
    const thread = 'session_thread_id' in event && event.session_thread_id;
    const named = projection.threads.find((one) => toApiThreadId(one) === thread);
    if (thread && !named)
      throw invalidRequestError(`events.${n}.session_thread_id: the session has no thread ${thread}.`);
    if (event.type === 'user.interrupt') {
      if (named && named !== record.id && (await sessions.get(named)).archived)
        throw invalidRequestError(`events.${n}.session_thread_id: ${thread} is archived.`);
      isWaiting = false;
      hasOutcome = false;
    }
    if (event.type === 'user.message' || event.type === 'user.define_outcome') {
      if (record.budget?.hard && projection.isAtBudget)
        throw invalidRequestError(`events.${n}: ${atBudget}`, 'budget_reached');
      const ids = projection.pending.join(', ');
      if (isWaiting)
        throw invalidRequestError(
          `events.${n}: the session waits for an answer to ${ids}. Answer, or interrupt first.`,
        );
    }
    if (event.type === 'user.define_outcome') {
      if (hasOutcome)
        throw invalidRequestError(
          `events.${n}: the session has an outcome without a verdict. Wait, or interrupt first.`,
        );
      hasOutcome = true;
    }
    if (event.type === 'user.tool_confirmation') {
      checkCall(projection, event.tool_use_id, { n, isCustom: false });
      if (event.result === 'allow') permitted.add(event.tool_use_id);
    }
    if (event.type === 'user.tool_result') {
      if (record.agent?.environment === undefined)
        throw invalidRequestError(`events.${n}: user.tool_result is for sessions of self-hosted environments.`);
      const { kind, waitsFor } = checkCall(projection, event.tool_use_id, { n, isCustom: false });
      if (kind !== 'tool' || (waitsFor === 'permission' && !permitted.has(event.tool_use_id)))
        throw invalidRequestError(`events.${n}: ${event.tool_use_id} waits for no result of a worker.`);
    }
    if (event.type === 'user.custom_tool_result')
      checkCall(projection, event.custom_tool_use_id, { n, isCustom: true });
  }
}
function checkCall(
  projection: SessionProjection,
  id: string,
  { n, isCustom }: { readonly n: number; readonly isCustom: boolean },
): NonNullable<ReturnType<SessionProjection['callOf']>> {
  const call = projection.callOf(id);
  const what = isCustom ? 'agent.custom_tool_use' : 'agent.tool_use or agent.mcp_tool_use';
  if (!call || (call.kind === 'custom') !== isCustom)
    throw invalidRequestError(`events.${n}: ${id} is no ${what} of this session.`);
  return call;
}

async function sendOne(
  target: Target,
  event: Exclude<InboundEvent, Answer>,
  eventContents: EventContents,
): Promise<ManagedEvent> {
  const { record, sessions, now } = target;
  const { id } = record;
  if (event.type === 'user.message') {
    const active = await sessions.activeRun(id);
    // A waiting run continues with the message; a working run finishes first.
    const mode = active && !active.waiting ? 'queue' : 'inject';
    const { seq } = await sessions.send(id, { ...toSendCommand(event, eventContents), mode });
    return {
      ...event,
      content: eventContents.of(event).blocks,
      id: toApiEventId(id, seq),
      processed_at: active && !active.waiting ? null : toIsoTime(now()),
    };
  }
  if (event.type === 'user.define_outcome') {
    const { seq } = await sessions.send(id, toSendCommand(event, eventContents));
    const known = { max_iterations: event.max_iterations ?? usualIterations, outcome_id: toApiOutcomeId(id, seq) };
    return { ...event, ...known, id: toApiEventId(id, seq), processed_at: toIsoTime(now()) };
  }
  return await interrupt(target, event);
}

const usualIterations = 3;
type Task = Extract<InboundEvent, { type: 'user.message' | 'user.define_outcome' }>;
export function toSendCommand(event: Task, eventContents: EventContents): SendUserMessageCommand {
  if (event.type === 'user.message') {
    const { text, files, blocks } = eventContents.of(event);
    return { text, mode: 'queue', attachments: files, ...((blocks.length > 1 || files.length > 0) && { blocks }) };
  }
  const { description, rubric, max_iterations: iterations } = event;
  if (rubric.type !== 'text') throw invalidRequestError('rubric: send it as text.');
  const goal = { rubric: rubric.content, checks: [], maxRevisions: (iterations ?? usualIterations) - 1 };
  return { text: description, mode: 'queue', goal };
}

async function interrupt(
  { record, sessions, projection, now }: Target,
  event: Extract<InboundEvent, { type: 'user.interrupt' }>,
): Promise<ManagedEvent> {
  const named = projection.threads.find((one) => toApiThreadId(one) === event.session_thread_id);
  const id = named ?? record.id; // stopping the primary thread also stops its children
  const before = projection.seqOf(id);
  // A run with an exhausted budget cannot be interrupted; it waits for a higher budget.
  const isOff = record.budget?.hard && projection.isAtBudget;
  const { stopped } = isOff ? { stopped: false } : await sessions.stop(id);
  const end = stopped ? (await eventsAfter(sessions, id, before)).find(isStop) : undefined;
  const seq = end?.seq ?? before;
  // An interrupt that has no effect gets an id that no event has.
  const word = end ? toApiEventId(id, seq) : `${toApiEventId(id, seq)}none`;
  return { ...event, session_thread_id: event.session_thread_id ?? null, id: word, processed_at: toIsoTime(now()) };
}
const isStop = (event: SessionEvent) => event.type === 'run.end' && event.data.reason === 'stopped';

type Answer = Extract<
  InboundEvent,
  { type: 'user.tool_confirmation' | 'user.custom_tool_result' | 'user.tool_result' }
>;
const isAnswer = (event: InboundEvent | undefined): event is Answer =>
  event !== undefined && (event.type === 'user.tool_confirmation' || /^user\.(custom_)?tool_result$/.test(event.type));
const callIn = (event: Answer): string =>
  event.type === 'user.custom_tool_result' ? event.custom_tool_use_id : event.tool_use_id;

/** Applies consecutive answers together, so the session does not become idle between them. Ignores repeated answers. */
async function answerAll(
  target: Target,
  events: readonly Answer[],
  eventContents: EventContents,
): Promise<ManagedEvent[]> {
  const { record, sessions, projection, now } = target;
  const known = events.map((event) => ({ event, call: projection.callOf(callIn(event)) }));
  const resolved: SessionEvent[] = [];
  for (const thread of new Set(known.map(({ call }) => call?.thread ?? record.id))) {
    const own = known.filter(({ call, event }) => call?.thread === thread && canAnswer(event, call));
    const [first, ...also] = own.map(({ event, call }) => toDecision(event, call?.callId ?? '', eventContents));
    if (!first) continue;
    const before = projection.seqOf(thread);
    await sessions.decide(thread, { ...first, by: 'program', also }).catch(async (thrown: unknown) => {
      if (toAppError(thrown).code !== 'conflict') throw thrown;
      const isOver = own.some(({ event }) => event.type === 'user.tool_confirmation');
      const ended =
        isOver || (await eventsAfter(sessions, thread, before)).some(endsCall(own.map(({ call }) => call?.callId)));
      if (!ended)
        throw new ManagedAgentsError('conflict', 'The call cannot take a result now. Send it again.', {
          isTemporary: true,
        });
    });
    resolved.push(...(await eventsAfter(sessions, thread, before)));
  }
  return known.map(({ event, call }): ManagedEvent => {
    const id = call?.thread ?? record.id;
    const routed = { session_thread_id: id === record.id ? null : toApiThreadId(id) };
    const shown =
      event.type === 'user.tool_confirmation'
        ? { ...event, deny_message: event.deny_message ?? null, ...routed }
        : { ...event, content: eventContents.of(event).blocks, is_error: event.is_error ?? false, ...routed };
    const it = resolved.find(
      ({ type, data }) =>
        type === 'approval.resolved' &&
        (data as Resolved).callId === call?.callId &&
        ((data as Resolved).result !== undefined) === (event.type !== 'user.tool_confirmation'),
    );
    if (!it) return { ...shown, id: `${callIn(event)}again`, processed_at: toIsoTime(now()) };
    return { ...shown, id: toApiEventId(id, it.seq), processed_at: toIsoTime(it.ts) };
  });
}
type Resolved = FactOf<'approval.resolved'>['data'];
type Call = ReturnType<SessionProjection['callOf']>;

/** A worker may send a result before the log shows that the call is waiting for it. */
const canAnswer = (event: Answer, call: Call): boolean =>
  call !== undefined && !call.isAnswered && (event.type !== 'user.tool_confirmation' || call.waitsFor === 'permission');

function toDecision(event: Answer, callId: string, eventContents: EventContents): CallDecision {
  if (event.type === 'user.tool_confirmation')
    return {
      callId,
      decision: event.result === 'allow' ? 'approved' : 'rejected',
      ...(event.deny_message && { text: event.deny_message }),
    };
  const { text, pictures, blocks } = eventContents.of(event);
  const isMore = blocks.length !== 1 || blocks[0]?.type !== 'text';
  const result = { output: text, isError: event.is_error ?? false, ...(isMore && { blocks: [...blocks] }) };
  return {
    callId,
    decision: 'approved',
    result: { ...result, ...(pictures.length > 0 && { pictures: [...pictures] }) },
  };
}

/** Whether an event shows that a call was answered or stopped waiting. */
const endsCall =
  (callIds: readonly (string | undefined)[]) =>
  ({ type, data }: SessionEvent): boolean =>
    type === 'run.end' ||
    ((type === 'approval.resolved' || type === 'tool.called') && callIds.includes((data as Resolved).callId));

async function eventsAfter(sessions: Sessions, id: SessionRecord['id'], after: number): Promise<SessionEvent[]> {
  const all: SessionEvent[] = [];
  for (let seq = after; ; ) {
    const { events, head } = await sessions.page(id, seq, 1_000);
    all.push(...events);
    seq = events.at(-1)?.seq ?? head;
    if (events.length === 0 || seq >= head) return all;
  }
}
