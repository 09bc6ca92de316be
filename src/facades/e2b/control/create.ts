import { AppError } from '../../../core/errors.ts';
import type { SessionLife } from '../../../core/records.ts';
import type { E2bSettings } from '../settings.ts';
import type { NewSandbox } from './shapes.ts';

/** The life of a session, from a program's request. Rejects: invalid_request, not_found, unsupported. */
export function lifeOf(wanted: NewSandbox, settings: E2bSettings, fallback: number): SessionLife {
  const [name = ''] = wanted.templateID.split(':');
  const known = [...settings.templates];
  if (!known.includes(name)) {
    throw new AppError('not_found', `There is no template ${name}. CORRAL_E2B_TEMPLATES has: ${known.join(', ')}.`);
  }
  refuseUnfit(wanted);
  const seconds = checkedSeconds(wanted.timeout ?? fallback, settings);
  const withMemory = wanted.autoPauseMemory ?? true;
  return {
    ...{ endsAt: null, seconds, paused: null, kind: name }, // its time begins when it runs
    onEnd: wanted.autoPause ? (withMemory ? 'pause' : 'pause-files') : 'delete',
    resumes: wanted.autoResume?.enabled ?? false,
    labels: wanted.metadata ?? {},
    env: wanted.envVars ?? {},
    privatePorts: wanted.network?.allowPublicTraffic === false,
    ...(wanted.network?.maskRequestHost !== undefined && { portHost: wanted.network.maskRequestHost }),
  };
}

export function checkedSeconds(seconds: number, { maxSeconds }: Pick<E2bSettings, 'maxSeconds'>): number {
  if (seconds <= maxSeconds) return seconds;
  throw new AppError('invalid_request', `The timeout is over ${maxSeconds} s, which CORRAL_E2B_MAX_SECONDS allows.`);
}

function refuseUnfit({ autoPause, autoPauseMemory, autoResume, network, ...wanted }: NewSandbox): void {
  for (const name of ['volumeMounts', 'iam', 'mcp'] as const) refuseField(name, wanted[name]);
  for (const name of ['egressProxy', 'rules', 'httpsPorts'] as const) refuseField(`network.${name}`, network?.[name]);
  if (autoPauseMemory === false && (!autoPause || autoResume?.enabled)) {
    throw new AppError('invalid_request', 'autoPauseMemory: false needs autoPause, and no autoResume.');
  }
  const rules = [...(network?.allowOut ?? []), ...(network?.denyOut ?? [])];
  if (wanted.allow_internet_access === false || rules.length > 0) {
    const instead = 'Set the policy of the whole server with CORRAL_EGRESS_POLICY';
    throw new AppError('invalid_request', `A sandbox cannot have egress rules of its own yet. ${instead}.`);
  }
}

function refuseField(name: string, value: unknown): void {
  const isEmpty = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
  if (!isEmpty) throw new AppError('invalid_request', `${name} is not available here.`);
}
