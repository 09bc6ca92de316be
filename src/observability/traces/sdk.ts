import { type Context, context, SpanKind, SpanStatusCode, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import { computeSessionSpanId, computeTraceId } from './otlp.ts';
import type { SpanData, SpanExporter } from './span.ts';

/** The SDK that the operator loaded with `--import`, or undefined if there is none. */
export function findLoadedTracer(version: string): Tracer | undefined {
  const tracer = trace.getTracer('corral', version);
  const probe = tracer.startSpan('probe', { root: true });
  return trace.isSpanContextValid(probe.spanContext()) ? tracer : undefined; // the probe span is never ended, so it is never sent
}

/** The SDK assigns its own ids. One parent connects all spans of a session. */
export const createSdkExporter = (tracer: Tracer): SpanExporter => ({
  send({ sessionId, top, below }) {
    const parent = {
      traceId: computeTraceId(sessionId),
      spanId: computeSessionSpanId(sessionId),
      traceFlags: TraceFlags.SAMPLED,
      isRemote: true,
    };
    const above = trace.setSpanContext(context.active(), parent);
    const root = started(tracer, top, above);
    const inside = trace.setSpan(above, root);
    for (const span of below) started(tracer, span, inside).end(span.end);
    root.end(top.end);
  },
  [Symbol.asyncDispose]: async () => {}, // at exit the SDK sends the remaining spans
});

const kinds = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT } as const;

function started(tracer: Tracer, { name, kind, start, attributes, error, events = [] }: SpanData, above: Context) {
  const span = tracer.startSpan(name, { kind: kinds[kind], startTime: start, attributes }, above);
  for (const event of events) span.addEvent(event.name, { 'corral.detail': event.text }, event.at);
  if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
  return span;
}
