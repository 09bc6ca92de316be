import type { FactOf, FactType } from './events.ts';

// Imports only types, because the web UI's bundle includes this file.

export type TimelineLane = 'person' | 'model' | 'tool' | 'sandbox' | 'problem';

export interface EventNotice {
  readonly level: 'info' | 'warning' | 'error';
  readonly text: string;
}

interface Traits<Data> {
  /** The heading in docs/reference/events.md. */
  readonly label: string;
  /** Every consumer must handle a `work` event. Most emulated APIs hide the others; a `note` changes no state. */
  readonly role: 'work' | 'state' | 'note';
  /** `droppable`: log compaction can drop the event, because another event repeats its text. */
  readonly text: 'kept' | 'droppable' | 'searched';
  /**
   * `side`: recorded after the agent message being streamed. `breaks`: completes that message first. `message.user`,
   * `title` and `session.updated` can be recorded between its deltas.
   */
  readonly order: 'side' | 'breaks';
  /** Frequent events do not change the `lastSeq` of the session's record. */
  readonly isFrequent: boolean;
  /** Visible in shared sessions. Tool calls stay hidden, because their output can contain anything. */
  readonly isShared: boolean;
  readonly lane: TimelineLane | ((data: Data) => TimelineLane);
  /** The text shown by `corral logs` and the timeline. */
  readonly line: (data: Data) => string;
  /** Shown by `corral run` and in the conversation. */
  readonly notice: ((data: Data) => EventNotice | undefined) | null;
  readonly trace: ((data: Data) => { readonly name: string; readonly text: string }) | null;
}

const plain = { text: 'kept', order: 'breaks', isFrequent: false, isShared: false, notice: null, trace: null } as const;
const work = { ...plain, role: 'work' } as const;
const state = { ...plain, role: 'state' } as const;
const note = { ...plain, role: 'note', order: 'side' } as const;

const warning = (text: string): EventNotice => ({ level: 'warning', text });
const failure = (text: string): EventNotice => ({ level: 'error', text });
const info = (text: string): EventNotice => ({ level: 'info', text });

/**
 * All event types. A new type needs a schema in `SessionFact` and an entry here.
 *
 * @example eventTraits.egress.lane({ decision: 'refused', … }) // 'problem'
 */
export const eventTraits = {
  'message.user': {
    ...work,
    text: 'searched',
    isShared: true,
    label: 'User message',
    lane: 'person',
    line: ({ text }) => text,
  },
  'run.started': { ...work, isShared: true, label: 'Run started', lane: 'person', line: ({ task }) => task },
  title: { ...work, isShared: true, label: 'Title set', lane: 'model', line: ({ title }) => title },
  plan: {
    ...work,
    isShared: true,
    label: 'Plan created',
    lane: 'model',
    line: ({ steps }) => steps.map(({ description }) => description).join(' · '),
  },
  step: {
    ...work,
    isShared: true,
    label: 'Plan step changed',
    lane: 'model',
    line: ({ status, description }) => `${status}: ${description}`,
  },
  'message.delta': {
    ...work,
    text: 'droppable',
    isFrequent: true,
    label: 'Message text',
    lane: 'model',
    line: ({ text }) => text,
  },
  'message.assistant': {
    ...work,
    text: 'searched',
    isShared: true,
    label: 'Agent message',
    lane: 'model',
    line: ({ text }) => text,
  },
  'tool.calling': {
    ...work,
    label: 'Tool call started',
    lane: 'tool',
    line: ({ function: name, args }) => `${name} ${mainArgument(args)}`,
  },
  'tool.output': {
    ...state,
    text: 'droppable',
    order: 'side',
    isFrequent: true,
    label: 'Tool output',
    lane: 'tool',
    line: ({ text }) => text,
  },
  'tool.called': {
    ...work,
    label: 'Tool call ended',
    lane: ({ success }) => (success ? 'tool' : 'problem'),
    line: ({ function: name, success, output }) => `${name} ${success ? 'done' : 'failed'}: ${output}`,
  },
  'run.wait': {
    ...work,
    isShared: true,
    label: 'Waiting for a person',
    lane: 'model',
    line: ({ question }) => question,
    trace: () => ({ name: 'run.wait', text: '' }),
  },
  'run.resumed': {
    ...work,
    label: 'Run resumed',
    lane: 'sandbox',
    line: ({ messageId }) => (messageId === undefined ? 'after a decision' : 'after a message'),
  },
  'approval.requested': {
    ...state,
    label: 'Approval requested',
    lane: 'model',
    line: ({ function: name, args }) => `${name} ${mainArgument(args)}`,
  },
  'approval.resolved': {
    ...state,
    label: 'Approval resolved',
    lane: 'person',
    line: ({ decision, by, text }) => `${decision} by ${by}${text === undefined ? '' : `: ${text}`}`,
  },
  'run.notice': {
    ...state,
    order: 'side',
    label: 'Run notice',
    lane: 'problem',
    line: ({ detail }) => detail,
    notice: ({ detail }) => warning(detail),
    trace: ({ kind, detail }) => ({ name: `run.${kind}`, text: detail }),
  },
  'run.error': {
    ...work,
    isShared: true,
    label: 'Run failed',
    lane: 'problem',
    line: ({ error }) => error,
    notice: ({ error }) => failure(error),
  },
  'run.end': {
    ...work,
    isShared: true,
    label: 'Run ended',
    lane: ({ status }) => (status === 'failed' ? 'problem' : 'sandbox'),
    line: ({ status, reason }) => (status === reason ? status : `${status}: ${reason}`),
  },
  goal: {
    ...state,
    label: 'Goal judged',
    lane: (data) => (isMissed(data) ? 'problem' : 'model'),
    line: goalLine,
    notice: (data) =>
      data.kind === 'checking' ? undefined : isMissed(data) ? warning(goalLine(data)) : info(goalLine(data)),
    trace: (data) => ({ name: `goal.${data.kind}`, text: goalLine(data) }),
  },
  'session.created': {
    ...note,
    order: 'breaks',
    label: 'Session created',
    lane: 'sandbox',
    line: ({ origin, template }) => `by ${origin}, from the template ${template}`,
  },
  'session.forked': {
    ...note,
    label: 'Session forked',
    lane: 'sandbox',
    line: ({ from, to, atSeq, files }) => `from ${from} at ${atSeq} to ${to}, files: ${files}`,
    notice: ({ from, to }) => info(`${to} began as a fork of ${from}.`),
  },
  'session.updated': {
    ...note,
    label: 'Session changed',
    lane: 'sandbox',
    line: ({ title, status, archived, attempt, ...fields }) =>
      [
        status,
        title,
        archived === undefined ? undefined : archived ? 'archived' : 'not archived',
        attempt === undefined ? undefined : `files of attempt ${attempt}`,
        ...Object.keys(fields),
      ]
        .filter(Boolean)
        .join(', '),
    notice: ({ attempt }) =>
      attempt === undefined ? undefined : info(`The files from attempt ${attempt} are now in this session.`),
  },
  'sandbox.phase': {
    ...state,
    order: 'side',
    label: 'Sandbox status changed',
    lane: 'sandbox',
    line: ({ phase, detail, ms, ended = [] }) => {
      const about = [detail, ended.length > 0 ? `ends ${ended.join(', ')}` : undefined].filter(Boolean).join('; ');
      const words = about === '' ? phase : `${phase}: ${about}`;
      return ms === undefined ? words : `${words} (${(ms / 1_000).toFixed(1)} s)`;
    },
  },
  'sandbox.untrusted': {
    ...state,
    order: 'side',
    label: 'Sandbox violated its protocol',
    lane: 'problem',
    line: ({ detail }) => detail,
    notice: ({ detail }) => failure(detail),
  },
  'sandbox.disk_exceeded': {
    ...note,
    label: 'Sandbox used too much disk',
    lane: 'sandbox',
    line: ({ detail }) => detail,
    notice: ({ detail }) => failure(detail),
  },
  'sandbox.files_damaged': {
    ...note,
    label: 'Stored files damaged',
    lane: 'problem',
    line: ({ detail }) => detail,
    notice: ({ detail }) => failure(detail),
  },
  'sandbox.setup': {
    ...note,
    label: 'Sandbox setup failed',
    lane: 'problem',
    line: ({ detail }) => detail,
    notice: ({ detail }) => failure(detail),
  },
  'sandbox.service': {
    ...note,
    label: 'Service status changed',
    lane: ({ kind }) => (kind === 'failed' ? 'problem' : 'sandbox'),
    line: ({ detail }) => detail,
    notice: ({ kind, detail }) => (kind === 'failed' ? failure(detail) : info(detail)),
  },
  repository: {
    ...note,
    label: 'Repository activity',
    lane: ({ kind }) => (isProblem(kind) ? 'problem' : 'sandbox'),
    line: ({ detail }) => detail,
    notice: ({ kind, detail }) => (isProblem(kind) ? failure(detail) : info(detail)),
  },
  'child.started': {
    ...note,
    label: 'Sub-agent started',
    lane: 'tool',
    line: ({ sessionId, task }) => `${sessionId}: ${task}`,
    notice: ({ sessionId, task }) => info(`${sessionId} works on: ${task}`),
  },
  'skill.read': {
    ...note,
    label: 'Skill read',
    lane: 'tool',
    line: ({ name, file, source }) => `${name} (${source}): ${file}`,
  },
  desktop: {
    ...note,
    label: 'Desktop changed',
    lane: 'sandbox',
    line: ({ detail }) => detail,
    notice: ({ kind, detail }) => (kind === 'control_taken' || kind === 'control_returned' ? info(detail) : undefined),
  },
  egress: {
    ...note,
    isFrequent: true,
    label: 'Network request',
    lane: ({ decision }) => (decision === 'refused' ? 'problem' : 'sandbox'),
    line: ({ decision, host, port, rule }) => `${decision} ${host}:${port} (${rule})`,
    notice: ({ decision, host, port, rule }) =>
      decision === 'refused' ? warning(`blocked: ${host}:${port} (${rule})`) : undefined,
  },
  'context.compacted': {
    ...note,
    label: 'Conversation shortened for the model',
    lane: 'model',
    line: ({ kind, before, after }) => `${kind}: about ${before} tokens became ${after}`,
    notice: ({ before, after }) =>
      info(`The model sees the conversation shortened: about ${before} tokens became ${after}.`),
    trace: ({ kind }) => ({ name: 'context.compacted', text: kind }),
  },
  usage: {
    ...state,
    order: 'side',
    isFrequent: true,
    label: 'Model request',
    lane: 'model',
    line: ({ model, inputTokens, outputTokens, cost }) =>
      `${model}: ${inputTokens} tokens in, ${outputTokens} out${cost === undefined ? '' : `, ${cost.toFixed(4)}`}`,
  },
} as const satisfies { readonly [Type in FactType]: Traits<FactOf<Type>['data']> };

type Table = typeof eventTraits;
type TypesWithRole<Role> = { [Type in FactType]: Table[Type]['role'] extends Role ? Type : never }[FactType];
export type NoteEventType = TypesWithRole<'note'>;

interface TypedEvent {
  readonly type: FactType;
  readonly data: unknown;
}
const ofNewerServer: Traits<unknown> = {
  ...note,
  label: 'Event from a newer server',
  lane: 'sandbox',
  line: () => '',
};
const traitsOf = ({ type }: TypedEvent): Traits<unknown> =>
  Object.hasOwn(eventTraits, type) ? (eventTraits[type] as Traits<unknown>) : ofNewerServer;

export const isNoteEvent = <Event extends TypedEvent>(
  event: Event,
): event is Extract<Event, { readonly type: NoteEventType }> => traitsOf(event).role === 'note';
export const isHiddenEvent = <Event extends TypedEvent>(
  event: Event,
): event is Extract<Event, { readonly type: TypesWithRole<'state' | 'note'> }> => traitsOf(event).role !== 'work';
export function eventLaneOf(event: TypedEvent): TimelineLane {
  const { lane } = traitsOf(event);
  return typeof lane === 'function' ? lane(event.data) : lane;
}
export const eventLabelOf = (event: TypedEvent): string => traitsOf(event).label;
const maxLine = 300; // In characters.
export const eventSummaryOf = (event: TypedEvent): string =>
  traitsOf(event).line(event.data).slice(0, maxLine).replace(/\s+/g, ' ').trim();
export const eventNoticeOf = (event: TypedEvent): EventNotice | undefined => traitsOf(event).notice?.(event.data);
export const eventTraceOf = (event: TypedEvent) => traitsOf(event).trace?.(event.data);

const typesWhere = (matches: (traits: Traits<unknown>) => boolean): ReadonlySet<FactType> =>
  new Set((Object.keys(eventTraits) as FactType[]).filter((type) => matches(eventTraits[type] as Traits<unknown>)));

export const droppableEventTypes = typesWhere(({ text }) => text === 'droppable');
export const searchableEventTypes = typesWhere(({ text }) => text === 'searched');
export const deferredEventTypes = typesWhere(({ order }) => order === 'side');
export const sharedEventTypes = typesWhere(({ isShared }) => isShared);
export const frequentEventTypes = typesWhere(({ isFrequent }) => isFrequent);

type GoalData = FactOf<'goal'>['data'];
function isMissed(data: GoalData): boolean {
  if (data.kind === 'checking') return false;
  return data.result !== (data.kind === 'checked' ? 'passed' : 'satisfied');
}
const goalEnds = {
  satisfied: 'the goal is satisfied',
  not_satisfied: 'the goal is not satisfied',
  could_not_be_judged: 'the goal could not be judged',
} as const;
function goalLine(data: GoalData): string {
  if (data.kind === 'judged') return `${goalEnds[data.result]}${data.feedback ? ' yet' : ''}: ${data.reason}`;
  const check = data.command === undefined ? 'grader' : `check ${data.command}`;
  if (data.kind === 'checking') return `${check} begins`;
  const code = data.exitCode === undefined ? '' : ` (exit code ${data.exitCode})`;
  return `${check}: ${data.result}${data.result === 'passed' ? '' : `${code}: ${data.detail}`}`;
}

const fileReaders = new Set(['file_read', 'read', 'file_find_in_content', 'grep', 'file_find_by_name', 'glob']);
/** Needed because the results of file reads and file writes have content of the same form. */
export const isFileReadingTool = (tool: string): boolean => fileReaders.has(tool);

const mainArgument = (args: Readonly<Record<string, unknown>>): string =>
  String(args.command ?? args.file ?? args.url ?? args.query ?? args.text ?? args.task ?? args.name ?? '');

const isProblem = (kind: FactOf<'repository'>['data']['kind']) =>
  kind === 'failed' || kind === 'unprepared' || kind === 'unchecked';
