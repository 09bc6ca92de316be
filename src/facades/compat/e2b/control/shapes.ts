import { z } from 'zod';
import type { Principal } from '../../../../core/model/principal.ts';
import type { SessionLifetime, SessionRecord } from '../../../../core/model/records.ts';
import { deniesByDefault } from '../../../../core/model/sandboxes/egress-choice.ts';
import type { SandboxTokenService } from '../tokens.ts';
import { NewSandboxNetwork, toEgressRulesView } from './network.ts';
import { toIsoTime } from './parsed.ts';

/** A `:read` suffix on the name mounts the volume read-only. */
const VolumeMounts = z.array(z.object({ name: z.string().min(1).max(100), path: z.string().min(1).max(400) })).max(8);
const texts = z.record(z.string().max(256), z.string().max(100_000));
export const NewSandbox = z.object({
  templateID: z.string().min(1).max(200),
  timeout: z.int().min(0).optional(),
  metadata: texts.nullish(),
  envVars: texts.nullish(),
  autoPause: z.boolean().nullish(),
  autoPauseMemory: z.boolean().nullish(),
  autoResume: z.object({ enabled: z.boolean() }).nullish(),
  allow_internet_access: z.boolean().nullish(),
  network: NewSandboxNetwork.nullish(),
  volumeMounts: VolumeMounts.nullish(),
  iam: z.unknown().optional(),
});
export type NewSandbox = z.output<typeof NewSandbox>;
export const TimeoutBody = z.object({ timeout: z.int().min(0).default(300), memory: z.boolean().optional() });
export const PauseBody = z.object({ memory: z.boolean().default(true) });
export const SandboxParams = z.object({ sid: z.string() });

/** SDKs require version 0.6.2 for file metadata, 0.6.3 for entries in watch events, and 0.6.4 for network mounts. */
export const emulatedEnvdVersion = '0.6.4';

export interface SandboxResources {
  readonly cpus: number;
  readonly memory: number; // bytes
  readonly disk: number; // bytes
}
export interface SandboxViewDeps {
  readonly tokens: SandboxTokenService;
  readonly domain: string;
  readonly limits: SandboxResources;
}
const mib = (bytes: number) => Math.max(1, Math.round(bytes / 2 ** 20));

const identityOf = ({ id, life }: { readonly id: string; readonly life?: SessionLifetime | undefined }) => {
  const name = life?.kind ?? 'base';
  return { templateID: name, alias: name, sandboxID: id, clientID: 'corral', envdVersion: emulatedEnvdVersion };
};

/** `maker`: the caller whose credential the tokens depend on. */
export function toSandboxWithTokens(record: SessionRecord, { tokens, domain }: SandboxViewDeps, maker: Principal) {
  return {
    ...identityOf(record),
    envdAccessToken: tokens.access(record, maker),
    trafficAccessToken: tokens.traffic(record, maker),
    domain,
  };
}

export function toListedSandbox(
  { id, createdAt, life, metadata = {}, sandbox }: SessionRecord,
  { limits }: SandboxViewDeps,
) {
  return {
    ...identityOf({ id, life }),
    startedAt: toIsoTime(createdAt),
    endAt: toIsoTime(life?.endsAt ?? createdAt),
    state: sandboxStateOf(life),
    cpuCount: Math.max(1, Math.ceil(sandbox?.cpus ?? limits.cpus)),
    memoryMB: mib(sandbox?.memory ?? limits.memory),
    diskSizeMB: mib(limits.disk),
    metadata,
  };
}
export const sandboxStateOf = (life: SessionLifetime | undefined) =>
  life?.paused ? ('paused' as const) : ('running' as const);

interface DetailParts {
  readonly token: string | undefined;
  readonly rules: Readonly<Record<string, object[]>>;
  readonly volumes: readonly { readonly name: string; readonly path: string }[];
}
export function toSandboxDetail(record: SessionRecord, deps: SandboxViewDeps, { token, rules, volumes }: DetailParts) {
  const { life, sandbox } = record;
  const onTimeout = life && life.onEnd !== 'delete' ? ('pause' as const) : ('kill' as const);
  return {
    ...toListedSandbox(record, deps),
    ...(token !== undefined && { envdAccessToken: token }),
    domain: deps.domain,
    ...(volumes.length > 0 && { volumeMounts: volumes }),
    allowInternetAccess: !(sandbox?.egress && deniesByDefault(sandbox.egress)),
    network: {
      ...(sandbox?.egress && toEgressRulesView(sandbox.egress)),
      allowPublicTraffic: life !== undefined && !life.privatePorts,
      ...(Object.keys(rules).length > 0 && { rules }),
      ...(life?.portHost && { maskRequestHost: life.portHost }),
    },
    lifecycle: {
      onTimeout,
      autoResume: life?.resumes ?? false,
      ...(life?.onEnd === 'pause-files' && { keepMemory: false }),
    },
  };
}
