import { join, resolve } from 'node:path';
import { readKeyMaterial } from '../../auth/keys/encryption-keys.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { IdSource } from '../../core/model/ids.ts';
import { type AuditLog, openAuditLog } from '../../observability/audit/log.ts';
import { type AuditKey, type AuditPosition, deriveAuditKey } from '../../observability/audit/row.ts';
import type { Config } from '../settings/config.ts';

type Settings = Pick<Config, 'keys' | 'dataDir' | 'audit'>;
interface Options {
  readonly config: Settings;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, 'short' | 'token'>;
  readonly scrub: (text: string) => string;
  readonly logger: { info(about: object, text: string): void; error(about: object, text: string): void };
}

export const resolveAuditFolder = ({ dataDir }: Pick<Config, 'dataDir'>): string => join(resolve(dataDir), 'audit');

/** The first key seals new entries; the others only verify older entries. */
export async function readAuditKeys(config: Settings, newKey: () => string): Promise<[AuditKey, ...AuditKey[]]> {
  const file = { ...config, dataDir: resolve(config.dataDir) };
  return (await readKeyMaterial({ config: file, file: 'audit-key', newKey })).map(deriveAuditKey) as [
    AuditKey,
    ...AuditKey[],
  ];
}

export async function openServerAuditLog({
  config,
  clock,
  ids,
  scrub,
  logger,
}: Options): Promise<AuditLog | undefined> {
  if (!config.audit.enabled) return undefined;
  const [key] = await readAuditKeys(config, () => ids.token());
  return openAuditLog({
    folder: resolveAuditFolder(config),
    key,
    clock,
    scrub,
    maxBytes: config.audit.maxBytes,
    process: ids.short(),
    warn: (err, text) => logger.error({ err }, text),
    onHead: ({ file, mac }: AuditPosition) => logger.info({ audit: `${file}:${mac}` }, 'position of the audit log'),
  });
}
