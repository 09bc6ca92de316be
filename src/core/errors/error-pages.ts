import type { ErrorCode } from './errors.ts';

export const errorDocsPages: Partial<Record<ErrorCode, string>> = {
  unauthorized: 'auth#keys',
  forbidden: 'auth#roles',
  quota: 'auth#how-much-one-may-have',
  rate_limited: 'auth#how-much-one-may-have',
  path_outside: 'how-to/move-files',
  file_not_found: 'how-to/move-files',
  file_changed: 'how-to/move-files',
  payload_too_large: 'how-to/move-files',
  shell_not_found: 'how-to/use-a-terminal',
  driver_unavailable: 'deploy#one-host',
  sandbox_capacity: 'deploy#one-host',
  sandbox_not_found: 'how-to/pause#the-states',
  sandbox_lost: 'how-to/pause#the-states',
  image_missing: 'templates#more-programs',
  packages_failed: 'templates#packages',
  oom: 'how-to/limit-a-box',
  disk_full: 'security#the-disk',
  model_unauthorized: 'models#in-the-page',
  model_unknown: 'models#in-the-page',
  model_quota: 'models#when-a-model-fails',
  model_refused: 'models#when-a-model-fails',
  model_rejected: 'models#when-a-model-fails',
  model_context: 'models#when-a-model-fails',
  model_overloaded: 'models#when-a-model-fails',
  model_rate_limited: 'models#when-a-model-fails',
  model_unavailable: 'models#when-a-model-fails',
  model_stalled: 'models#when-a-model-fails',
  provider_error: 'models#when-a-model-fails',
  empty_reply: 'models#when-a-model-fails',
  agent_failed: 'agents#the-agents-of-the-server',
  store_unavailable: 'stores#what-every-store-promises',
  store_busy: 'stores#what-every-store-promises',
  store_corrupt: 'how-to/back-up-and-restore',
  draining: 'deploy#drain-a-server',
  fenced: 'replicas#the-holder-of-a-session',
};

export function errorDocsPathOf(code: ErrorCode): string | undefined {
  const page = errorDocsPages[code];
  return page === undefined ? undefined : `/guide/${page}`;
}
