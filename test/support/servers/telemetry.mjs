// An OpenTelemetry SDK, loaded before the server as docs/traces.md says: NODE_OPTIONS="--import ./telemetry.mjs".
import { trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

const spans = new BatchSpanProcessor({ exporter: new OTLPTraceExporter() });
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [spans] }));
process.once('beforeExit', () => spans.shutdown());
