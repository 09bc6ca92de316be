import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { trimEndCharacters } from '../../core/text/text.ts';
import { RunTraceExporter } from '../../observability/traces/log-traces.ts';
import { OtlpExporter, type OtlpTarget } from '../../observability/traces/otlp.ts';
import { createSdkExporter, findLoadedTracer } from '../../observability/traces/sdk.ts';

type Variables = Readonly<Record<string, string | undefined>>;
interface TraceDeps extends Pick<ServerDependencies, 'events' | 'log'> {
  readonly version: string;
  readonly warn: (err: unknown, text: string) => void;
}
const usualTimeoutMs = 10_000;
const usualChars = 32_768;

export function openTraceExporter(
  variables: Variables,
  { log, events, version, warn }: TraceDeps,
): RunTraceExporter | undefined {
  if (variables.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return undefined;
  const tracer = findLoadedTracer(version);
  const target = tracer ? undefined : otlpTarget(variables, warn);
  const sink = tracer ? createSdkExporter(tracer) : target && new OtlpExporter({ target, version, warn });
  if (!sink) return undefined;
  const content = /^(true|span_only|span_and_event)$/i.test(
    variables.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT ?? '',
  );
  const maxChars = Number(variables.OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT) || usualChars;
  return new RunTraceExporter({ log, events, sink, warn, content, maxChars });
}

function otlpTarget(variables: Variables, warn: TraceDeps['warn']): OtlpTarget | undefined {
  const exporters = (variables.OTEL_TRACES_EXPORTER ?? '').split(',').map((it) => it.trim());
  const [exporter = ''] = exporters;
  const own = variables.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  const common = variables.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (exporter === 'none' || (exporter === '' && !own && !common)) return undefined;
  if (exporter !== '' && !exporters.includes('otlp')) {
    const advice = 'Use otlp, or load an SDK with NODE_OPTIONS="--import …".';
    warn(
      undefined,
      `OTEL_TRACES_EXPORTER=${exporter} needs an SDK, which is not loaded, so there are no traces. ${advice}`,
    );
    return undefined;
  }
  const protocol = variables.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? variables.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/json';
  if (protocol !== 'http/json') {
    warn(
      undefined,
      `OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}, but traces are always sent as http/json, usually to port 4318.`,
    );
  }
  const url = own || `${trimEndCharacters(common || 'http://localhost:4318', '/')}/v1/traces`;
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    warn(
      undefined,
      'OTEL_EXPORTER_OTLP_ENDPOINT is not an address such as http://localhost:4318, so there are no traces.',
    );
    return undefined;
  }
  const headers = variables.OTEL_EXPORTER_OTLP_TRACES_HEADERS ?? variables.OTEL_EXPORTER_OTLP_HEADERS;
  const timeout = variables.OTEL_EXPORTER_OTLP_TRACES_TIMEOUT ?? variables.OTEL_EXPORTER_OTLP_TIMEOUT;
  return {
    url,
    headers: pairsOf(headers),
    timeoutMs: Number(timeout) || usualTimeoutMs,
    resource: {
      'service.name': variables.OTEL_SERVICE_NAME || 'corral',
      ...pairsOf(variables.OTEL_RESOURCE_ATTRIBUTES),
    },
  };
}

/** Parses `a=1,b=2`, with percent-encoded values. */
const pairsOf = (text = ''): Record<string, string> =>
  Object.fromEntries(
    text.split(',').flatMap((pair) => {
      const [key = '', ...value] = pair.split('=');
      return key.trim() === '' || value.length === 0 ? [] : [[key.trim(), decoded(value.join('=').trim())]];
    }),
  );

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
