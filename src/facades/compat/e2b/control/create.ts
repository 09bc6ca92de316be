import { AppError } from '../../../../core/errors/errors.ts';
import type { SandboxOptions, SessionLifetime } from '../../../../core/model/records.ts';
import type { Snapshot } from '../../../../core/model/sandboxes/snapshot.ts';
import type { SandboxCapabilities } from '../../../shared/facade.ts';
import { type E2bSettings, parseTemplateAliases } from '../settings.ts';
import { rejectUnsupportedFields, toEgressRestriction, unsupportedNetworkFields } from './network.ts';
import { badRequestError } from './parsed.ts';
import type { NewSandbox } from './shapes.ts';

interface Deps {
  readonly settings: E2bSettings;
  readonly abilities: SandboxCapabilities;
  readonly snapshot?: Snapshot | undefined;
  readonly isBuilt?: boolean;
}
export interface NewSandboxSession {
  readonly life: SessionLifetime;
  readonly sandbox: SandboxOptions | undefined;
  readonly template: string | undefined;
}

/** Throws: invalid_request, not_found, unsupported. */
export function toNewSandboxSession(
  newSandbox: NewSandbox,
  { settings, abilities, snapshot, isBuilt }: Deps,
  fallback: number,
): NewSandboxSession {
  const [name = ''] = newSandbox.templateID.split(':');
  const known = parseTemplateAliases(settings);
  if (!snapshot && !isBuilt && !known.has(name)) {
    const names = [...known.keys()].join(', ');
    throw new AppError(
      'not_found',
      `There is no template ${name}. CORRAL_E2B_TEMPLATES has: ${names}; you have built none of that name.`,
    );
  }
  refuseUnfit(newSandbox);
  const seconds = requireAllowedTimeout(newSandbox.timeout ?? fallback, settings);
  const keeps =
    newSandbox.autoPause && keptAtEnd((newSandbox.autoPauseMemory ?? true) ? 'memory' : 'files', settings, abilities);
  const egress = toEgressRestriction(newSandbox.allow_internet_access, newSandbox.network ?? {});
  const life: SessionLifetime = {
    endsAt: null,
    seconds,
    paused: null,
    kind: name,
    onEnd: keeps === 'memory' ? 'pause' : keeps === 'files' ? 'pause-files' : 'delete',
    resumes: newSandbox.autoResume?.enabled ?? false,
    env: newSandbox.envVars ?? {},
    privatePorts: newSandbox.network?.allowPublicTraffic === false,
    ...(newSandbox.network?.maskRequestHost !== undefined && { portHost: newSandbox.network.maskRequestHost }),
  };
  return { life, sandbox: egress && { egress }, template: snapshot ? templateOf(snapshot) : known.get(name) };
}

/** Clients cannot request `default`; undefined selects the same image and limits. */
const templateOf = ({ template }: Snapshot) => (template === 'default' ? undefined : template);

/** With `pause: auto`, keeps only files if the driver cannot freeze processes. */
function keptAtEnd(
  query: 'memory' | 'files',
  { pause }: E2bSettings,
  abilities: SandboxCapabilities,
): 'memory' | 'files' {
  return resolvePauseMode(query, { pause: pause === 'auto' ? 'files' : pause }, abilities);
}

export const explainPauseDowngrade = (
  { onEnd }: SessionLifetime,
  { autoPause, autoPauseMemory }: NewSandbox,
): string | undefined =>
  autoPause && (autoPauseMemory ?? true) && onEnd === 'pause-files'
    ? "This server's driver cannot freeze processes: the pause at the end of the time keeps the files, not the memory, and no request ends it by itself."
    : undefined;

/**
 * Throws: unsupported (`memory` is requested, but the driver cannot freeze processes and `pause` is not `files`; or the
 * driver would lose the files).
 */
export function resolvePauseMode(
  query: 'memory' | 'files',
  { pause }: Pick<E2bSettings, 'pause'>,
  { freeze, keepsFiles }: SandboxCapabilities,
): 'memory' | 'files' {
  if (query === 'memory' && freeze) return 'memory';
  if (query === 'memory' && pause !== 'files') {
    const instead = 'Pause without memory, or set CORRAL_E2B_PAUSE=files on the server.';
    throw new AppError(
      'unsupported',
      `This server's driver cannot freeze processes, so a pause loses them. ${instead}`,
    );
  }
  if (keepsFiles) return 'files';
  const instead = 'With CORRAL_KUBERNETES_WORKSPACE=volume it keeps them.';
  throw new AppError('unsupported', `A sandbox of this server loses its files when it stops. ${instead}`);
}

export function requireAllowedTimeout(seconds: number, { maxSeconds }: Pick<E2bSettings, 'maxSeconds'>): number {
  if (seconds <= maxSeconds) return seconds;
  throw new AppError('invalid_request', `The timeout is over ${maxSeconds} s, which CORRAL_E2B_MAX_SECONDS allows.`);
}

function refuseUnfit({ autoPause, autoPauseMemory, autoResume, network, ...requested }: NewSandbox): void {
  rejectUnsupportedFields(requested, ['iam']);
  rejectUnsupportedFields(network ?? {}, [...unsupportedNetworkFields, 'httpsPorts'], 'network.');
  if (autoPauseMemory === false && (!autoPause || autoResume?.enabled)) {
    throw badRequestError('autoPauseMemory: false needs autoPause, and no autoResume.');
  }
}
