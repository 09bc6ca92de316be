import type { Store } from '../../../src/core/contracts/ports.ts';
import type { FactOf, FactType, SessionFact } from '../../../src/core/model/events.ts';
import { createIdSource, MessageId, RunId, SessionId } from '../../../src/core/model/ids.ts';
import { createSessionRecord, type StoredSession } from '../../../src/sessions/run/log/projection.ts';
import { type RunProgress, RunWriter } from '../../../src/sessions/run/log/run-writer.ts';
import { SessionWriter } from '../../../src/sessions/run/log/session-writer.ts';
import { Transcript } from '../../../src/sessions/run/log/transcript.ts';
import { createEventLog, type EventLogOptions } from '../../../src/storage/log/log.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { manualClock } from './manual-clock.ts';

export const sessionId = SessionId.parse('00000000000000aa');
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
export const runId = (n = 1): RunId => RunId.parse(uuid(n));
export const messageId = (n = 1): MessageId => MessageId.parse(uuid(1_000 + n));

/** A fact of a run; where `of` is null, a fact of the session itself. */
export const fact = <Type extends FactType>(type: Type, data: FactOf<Type>['data'], of: RunId | null = runId()) =>
  ({ type, runId: of, data }) as FactOf<Type>;
export const says = (text: string, message = messageId()) => fact('message.delta', { messageId: message, text });
export const assistantMessage = (text: string, message = messageId()) =>
  fact('message.assistant', { messageId: message, text, attachments: [] });
export const asks = (text: string, message = messageId(), of = runId()) =>
  fact('message.user', { messageId: message, text, attachments: [] }, of);

export const stored = (more: Partial<StoredSession> = {}): StoredSession => ({
  ...createSessionRecord({
    id: sessionId,
    origin: 'sheikhbox',
    template: 'default',
    title: '',
    projectId: null,
    lastTask: '',
    at: 1,
  }),
  ...more,
});

/** The run's entry in the record between its first message and its end. */
export const openRun = (n = 1, startedSeq: number | null = 2): StoredSession['openRuns'][number] => ({
  runId: runId(n),
  messageId: messageId(n),
  task: `task ${n}`,
  seq: 1,
  startedSeq,
});

const options: EventLogOptions = { maxLag: 100, pageSize: 10 };

/** A writer over a log in memory; `append` can replace the log's own method. */
export function writerBench(
  more: {
    store?: Store;
    record?: StoredSession;
    append?: (real: () => Promise<number>) => Promise<number>;
    watched?: boolean;
  } = {},
) {
  const store = more.store ?? createInMemoryStore();
  const real = createEventLog(store.events, options);
  const clock = manualClock(1_000);
  const received: SessionFact[] = [];
  const broken: unknown[] = [];
  const appends: number[] = [];
  const log: typeof real = {
    ...real,
    append: (entry) => {
      appends.push(entry.facts.length);
      return more.append ? more.append(() => real.append(entry)) : real.append(entry);
    },
  };
  const writer = new SessionWriter({
    log,
    clock,
    record: more.record ?? stored(),
    head: 0,
    isWatched: () => more.watched ?? false,
    onFact: (it) => received.push(it),
    onBroken: (error) => broken.push(error),
  });
  return {
    store,
    log,
    clock,
    writer,
    received,
    broken,
    appends,
    events: async () => (await log.page(sessionId, 0, 1_000)).events,
    types: async () => (await log.page(sessionId, 0, 1_000)).events.map(({ type }) => type),
    record: async () => (await store.records.get('session', sessionId))?.doc as StoredSession,
  };
}

export const nothingYet: RunProgress = { steps: [], openCalls: [], requests: [], inbox: [], checked: [] };

/** The bench of `writerBench` with the RunWriter of an active run. */
export function scribeBench(
  soFar: Partial<RunProgress> = {},
  more: Omit<NonNullable<Parameters<typeof writerBench>[0]>, 'record'> = {},
) {
  const bench = writerBench({ ...more, record: stored({ openRuns: [openRun()] }) });
  const transcript = new Transcript(sessionId, bench.store.records);
  const { writer, clock } = bench;
  const of = { writer, transcript, ids: createIdSource(), clock, runId: runId() };
  return { ...bench, transcript, runWriter: new RunWriter({ ...of, soFar: { ...nothingYet, ...soFar } }) };
}

/** Resolves after everything that waits only for promises. */
export const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A turn of a plan's only step, without tools. */
export const exampleTurn = {
  phase: { kind: 'act', step: { id: '1', description: 'x', status: 'running' }, stepIndex: 0 } as const,
  note: '',
  hint: undefined,
  tools: [],
  prompt: { system: '', sections: [] },
  workdir: '/workspace',
  text: 'live' as const,
};
