import type { AppError, ErrorCode } from '../../core/errors/errors.ts';

interface Row {
  readonly http: number;
  readonly trpc: string;
  readonly ws: number;
}

const bad = { http: 400, trpc: 'BAD_REQUEST', ws: 1008 } as const;
const missing = { http: 404, trpc: 'NOT_FOUND', ws: 1008 } as const;
const taken = { http: 409, trpc: 'CONFLICT', ws: 1008 } as const;
const busy = { http: 429, trpc: 'TOO_MANY_REQUESTS', ws: 1013 } as const;
const unavailable = { http: 503, trpc: 'SERVICE_UNAVAILABLE', ws: 1013 } as const;
const bug = { http: 500, trpc: 'INTERNAL_SERVER_ERROR', ws: 1011 } as const;

export const wireErrors = {
  invalid_request: bad,
  path_outside: bad,
  unauthorized: { http: 401, trpc: 'UNAUTHORIZED', ws: 1008 },
  forbidden: { http: 403, trpc: 'FORBIDDEN', ws: 1008 },
  not_found: missing,
  session_not_found: missing,
  file_not_found: missing,
  shell_not_found: missing,
  conflict: taken,
  file_changed: { http: 412, trpc: 'PRECONDITION_FAILED', ws: 1008 },
  payload_too_large: { http: 413, trpc: 'PAYLOAD_TOO_LARGE', ws: 1009 },
  rate_limited: busy,
  queue_full: busy,
  sandbox_not_found: unavailable,
  sandbox_capacity: unavailable,
  sandbox_unavailable: unavailable,
  sandbox_lost: unavailable,
  sandbox_unresponsive: unavailable,
  sandbox_untrusted: unavailable,
  image_missing: unavailable,
  packages_failed: unavailable,
  driver_unavailable: unavailable,
  quota: taken,
  disk_full: unavailable,
  unsupported: { http: 501, trpc: 'NOT_IMPLEMENTED', ws: 1011 },
  oom: unavailable,
  model_unauthorized: unavailable,
  model_unknown: unavailable,
  model_quota: unavailable,
  model_refused: unavailable,
  model_rejected: unavailable,
  model_context: unavailable,
  model_overloaded: unavailable,
  model_rate_limited: unavailable,
  model_unavailable: unavailable,
  model_stalled: unavailable,
  provider_error: unavailable,
  empty_reply: unavailable,
  agent_failed: unavailable,
  stuck: unavailable,
  restart_intensity: unavailable,
  store_unavailable: unavailable,
  store_busy: unavailable,
  store_corrupt: bug,
  fenced: unavailable,
  draining: unavailable,
  shutting_down: unavailable,
  deadline_exceeded: { http: 504, trpc: 'GATEWAY_TIMEOUT', ws: 1013 },
  cancelled: { http: 499, trpc: 'CLIENT_CLOSED_REQUEST', ws: 1000 },
  internal: bug,
} as const satisfies Record<ErrorCode, Row>;

export function toPublicMessage(error: AppError): string {
  return wireErrors[error.code].http === 500 ? 'Internal server error' : error.publicMessage;
}
