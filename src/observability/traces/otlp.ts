import { randomBytes } from 'node:crypto';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { digestText } from '../../core/text/digest.ts';
import type { AttributeValue, SpanData, SpanExporter, SpanTree } from './span.ts';

export interface OtlpTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly resource: Readonly<Record<string, string>>;
}
interface Options {
  readonly target: OtlpTarget;
  readonly version: string;
  readonly warn: (err: unknown, text: string) => void;
}
const maxWaiting = 5_000; // maximum number of queued spans; any beyond it are dropped
const maxAtOnce = 512;
const endMs = 2_000; // maximum time in ms that a shutdown waits for the receiver

export const computeTraceId = (sessionId: string): string => digestText(`trace ${sessionId}`).slice(0, 32);
export const computeSessionSpanId = (sessionId: string): string => digestText(`span ${sessionId}`).slice(0, 16);

/** OTLP over HTTP in JSON. OpenTelemetry's SDK would assign its own trace ids. */
export class OtlpExporter extends ServerComponent<Options> implements SpanExporter {
  #waiting: object[] = [];
  #sending: Promise<void> | undefined;
  #dropped = 0;
  readonly #stop = new AbortController();

  send(tree: SpanTree): void {
    const spans = spansIn(tree);
    const room = maxWaiting - this.#waiting.length;
    this.#waiting.push(...spans.slice(0, room));
    this.#drop(spans.length - room, 'The receiver of traces is too slow.');
    this.#sending ??= this.#pump().finally(() => {
      this.#sending = undefined;
    });
  }

  async #pump(): Promise<void> {
    while (this.#waiting.length > 0) {
      const spans = this.#waiting.splice(0, maxAtOnce);
      await this.#post(spans).catch((err: unknown) => this.#drop(spans.length, String((err as Error).message)));
    }
  }

  async #post(spans: readonly object[]): Promise<void> {
    const { target, version } = this.deps;
    const { url, headers, timeoutMs, resource } = target;
    const body = JSON.stringify({
      resourceSpans: [
        {
          resource: { attributes: attributesOf(resource) },
          scopeSpans: [{ scope: { name: 'corral', version }, spans }],
        },
      ],
    });
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: { ...headers, 'content-type': 'application/json' },
      signal: combineSignals([AbortSignal.timeout(timeoutMs), this.#stop.signal]),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`The receiver of traces answered ${response.status}.`);
  }

  #drop(count: number, why: string): void {
    if (count <= 0) return;
    const before = this.#dropped;
    this.#dropped += count;
    if (before !== 0 && Math.floor(before / 1_000) === Math.floor(this.#dropped / 1_000)) return;
    this.deps.warn(new Error(why), `traces are lost: ${this.#dropped} spans so far`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), endMs);
    await this.#sending;
    clearTimeout(timer);
  }
}

function spansIn({ sessionId, top, below }: SpanTree): object[] {
  const traceId = computeTraceId(sessionId);
  const own = computeSessionSpanId(sessionId);
  const isSession = top.attributes['gen_ai.operation.name'] === 'create_agent';
  const topId = isSession ? own : newSpanId();
  return [
    { traceId, spanId: topId, ...(!isSession && { parentSpanId: own }), ...toOtlpSpan(top) },
    ...below.map((span) => ({ traceId, spanId: newSpanId(), parentSpanId: topId, ...toOtlpSpan(span) })),
  ];
}
const newSpanId = () => randomBytes(8).toString('hex');
const kinds = { internal: 1, client: 3 } as const;
const nanos = (ms: number) => `${Math.round(ms)}000000`;

const toOtlpSpan = ({ name, kind, start, end, attributes, error, events = [] }: SpanData) => ({
  name,
  kind: kinds[kind],
  startTimeUnixNano: nanos(start),
  endTimeUnixNano: nanos(end),
  attributes: attributesOf(attributes),
  events: events.map((event) => ({
    name: event.name,
    timeUnixNano: nanos(event.at),
    attributes: event.text === '' ? [] : attributesOf({ 'corral.detail': event.text }),
  })),
  status: error === undefined ? {} : { code: 2, message: error },
});

const attributesOf = (input: Readonly<Record<string, AttributeValue>>) =>
  Object.entries(input).map(([key, value]) => ({ key, value: typedValue(value) }));

function typedValue(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
