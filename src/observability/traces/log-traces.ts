import type { AppendRequest, EventLog, EventStore } from '../../core/contracts/ports.ts';
import type { SessionEvent } from '../../core/model/events.ts';
import type { RunId, SessionId } from '../../core/model/ids.ts';
import { buildRunSpans, buildSessionSpan, type RunSpanOptions } from './run-spans.ts';
import type { SpanExporter } from './span.ts';

interface Options extends Omit<RunSpanOptions, 'agent'> {
  readonly log: Pick<EventLog, 'page' | 'onAppend'>;
  readonly events: Pick<EventStore, 'findLastSeq'>;
  readonly sink: SpanExporter;
  readonly warn: (err: unknown, text: string) => void;
}
interface EndedRun {
  readonly sessionId: SessionId;
  readonly runId: RunId;
  /** Seqs. `from` is undefined if this server did not see the run's start. */
  readonly from: number | undefined;
  readonly to: number;
}
const maxReading = 100; // maximum runs read at the same time; further runs get no trace
const lookBack = 50; // maximum events read from before a run's start, such as its message and its sandbox's start
const pageSize = 500;

export class RunTraceExporter implements AsyncDisposable {
  readonly #options: Options;
  readonly #starts = new Map<RunId, number>();
  readonly #reading = new Set<Promise<void>>();

  constructor(options: Options) {
    this.#options = options;
    options.log.onAppend((entry) => this.#receive(entry));
  }

  #receive({ sessionId, after, at, facts }: AppendRequest): void {
    for (const [n, { type, runId, data }] of facts.entries()) {
      if (type === 'session.created') this.#options.sink.send(buildSessionSpan(sessionId, data.template, at));
      if (!runId) continue;
      if (type === 'run.started') this.#starts.set(runId, after + n + 1);
      if (type !== 'run.end') continue;
      this.#read({ sessionId, runId, from: this.#starts.get(runId), to: after + n + 1 });
      this.#starts.delete(runId);
    }
  }

  #read(ended: EndedRun): void {
    const { warn } = this.#options;
    if (this.#reading.size >= maxReading) {
      warn(undefined, `too many runs end at once, so run ${ended.runId} has no trace`);
      return;
    }
    const reading = this.#send(ended)
      .catch((err: unknown) => warn(err, `run ${ended.runId} has no trace`))
      .finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  async #send({ sessionId, runId, from, to }: EndedRun): Promise<void> {
    const { log, events, sink, ...options } = this.#options;
    const last = from ?? (await events.findLastSeq(sessionId, 'run.started'));
    // if a later run has already started, this run's start is unknown
    const first = last < to ? last : 1;
    const own: SessionEvent[] = [];
    const [created] = (await log.page(sessionId, 0, 1)).events;
    for (let after = Math.max(0, first - 1 - lookBack); after < to; ) {
      const page = await log.page(sessionId, after, Math.min(pageSize, to - after));
      const newest = page.events.at(-1)?.seq;
      if (newest === undefined) break;
      own.push(...page.events.filter(({ seq, type }) => seq <= to && !bulky.has(type)));
      after = newest;
    }
    const agent = created?.type === 'session.created' ? created.data.template : 'agent';
    const tree = buildRunSpans(own, runId, { ...options, agent });
    if (tree) sink.send(tree);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#reading);
    await this.#options.sink[Symbol.asyncDispose]();
  }
}

/** Frequent events that no span needs. */
const bulky: ReadonlySet<SessionEvent['type']> = new Set(['message.delta', 'tool.output', 'egress']);
