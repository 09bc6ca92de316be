import { join } from 'node:path';
import type { DriverContext } from '../../../drivers/descriptor.ts';
import { type Driver, type EgressHandler, hostsPool, isPoolable, type SandboxRecipe } from '../../../drivers/driver.ts';
import { type DriverName, findDriver } from '../../../drivers/list.ts';
import { withHostedPool } from '../../../drivers/shared/pool/hosted-pool.ts';
import { createAutomaticPoolSizer, createFixedPoolSizer } from '../../../drivers/shared/pool/pool-size.ts';
import { withLocalPool } from '../../../drivers/shared/pool/with-pool.ts';
import { type EncryptionKeySettings, readKeyMaterial } from '../../auth/keys/encryption-keys.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { IdSource, SandboxId } from '../../core/model/ids.ts';
import type { Secret } from '../../core/text/secret.ts';
import { readExtraCaCertificates } from '../../sandboxes/egress/fetch/certificate-authorities.ts';
import {
  browserPolicyPath,
  createBundledImages,
  createDaemonBundler,
  initScriptPath,
  resolveDesktopSetting,
  resolveSandboxImage,
  sudoScriptPath,
} from '../images/image.ts';
import type { Config } from '../settings/config.ts';
import { isLoopback } from '../settings/contradictions.ts';
import type { RealModelGuard } from './real-models.ts';

/** Rejects with invalid_request if the driver cannot provide `strict` isolation. */
export async function applyIsolation(config: Config, find: typeof findDriver = findDriver): Promise<Config> {
  if (config.sandbox.isolation === 'standard') return config;
  const refuse = (why: string) => {
    const what = 'CORRAL_SANDBOX_ISOLATION is strict, so every sandbox needs a kernel of its own (gVisor or Kata)';
    return new AppError('invalid_request', `${what}, and ${why}`);
  };
  // `auto` must not fall back to the process driver.
  const driver: DriverName = config.driver === 'auto' ? 'docker' : config.driver;
  const strict = find(driver)?.strict;
  if (!strict) {
    throw refuse(
      `the driver ${driver} cannot provide it: use CORRAL_DRIVER=docker or kubernetes, or set CORRAL_SANDBOX_ISOLATION=standard.`,
    );
  }
  return { ...config, driver, [driver]: await strict(sectionOf(config, driver), refuse) };
}

const sectionOf = (config: Config, driver: string): Record<string, unknown> =>
  (config as unknown as Record<string, Record<string, unknown>>)[driver] ?? {};

interface Options extends Pick<ServerDependencies, 'clock' | 'ids'> {
  readonly config: Config;
  readonly instance: string;
  readonly replica?: string | undefined;
  readonly gate: EgressHandler;
  readonly caBundle: string;
  /** PEM. Undefined if the egress proxy does not terminate TLS. */
  readonly ownAuthority: string | undefined;
  readonly node: string;
  readonly say: (text: string) => void;
  readonly onRefused: (id: SandboxId, reason: string) => void;
  readonly pool: WarmPoolParts;
  readonly realModels: RealModelGuard;
  readonly templatesHaveDesktops: boolean;
}
const checkMs = 5_000;
// kept short, because socket paths have a length limit
export const resolveSandboxRoot = (dataDir: string): string => join(dataDir, 's');

export async function openDriver(input: Options): Promise<Driver> {
  const options = { ...input, config: await applyIsolation(input.config) };
  const { driver: name } = options.config;
  return withWarmPool(name === 'auto' ? await whatAnswers(options) : await opened(name, options), options);
}

async function whatAnswers(options: Options): Promise<Driver> {
  const docker = await opened('docker', options, 'later');
  try {
    await docker.check({ signal: AbortSignal.timeout(checkMs) });
    report('docker', docker, options);
    return docker;
  } catch (error) {
    await docker[Symbol.asyncDispose]();
    options.say(
      `Docker does not answer (${toAppError(error).publicMessage}), so sandboxes run as processes on this machine.`,
    );
    return await opened('process', options);
  }
}

async function opened(name: DriverName, options: Options, reports: 'now' | 'later' = 'now'): Promise<Driver> {
  const { config, say } = options;
  const descriptor = findDriver(name);
  if (!descriptor) throw new AppError('invalid_request', `There is no driver ${name}.`);
  const driver = await descriptor.open(sectionOf(config, name), driverParts(options));
  const { weaknesses = [], lacking = [] } = driver.capabilities;
  for (const { text } of [...weaknesses, ...lacking]) say(text);
  try {
    checkReach(driver, config);
    options.realModels.bindDriver(driver);
    options.realModels.check(config.model);
  } catch (refusal) {
    await driver[Symbol.asyncDispose]();
    throw refusal;
  }
  if (reports === 'now') report(name, driver, options);
  return driver;
}

/** Runs in the background, so that startup does not wait for it. */
function report(name: DriverName, driver: Driver, { config, say }: Options): void {
  void findDriver(name)?.report?.(driver, sectionOf(config, name), { say });
}

export function createCommonDriverContext(
  config: Config,
  { ids, clock }: { readonly ids: IdSource; readonly clock: Clock },
) {
  return {
    ids,
    clock,
    random: Math.random,
    keys: () => readTokenKeys(config, () => ids.token()),
    extraCa: () => readExtraCaCertificates(config.extraCa),
    desktop: resolveDesktopSetting(config),
  } as const satisfies Partial<DriverContext>;
}

function driverParts(options: Options): DriverContext {
  const { config, instance, replica, gate, caBundle, node, say, onRefused, realModels } = options;
  const daemon = createDaemonBundler(config.dataDir);
  return {
    ...createCommonDriverContext(config, options),
    ...(options.templatesHaveDesktops && { desktop: true }),
    extraCa: async () => [await readExtraCaCertificates(config.extraCa), options.ownAuthority].join('') || undefined,
    instance,
    replica,
    gate,
    caBundle,
    say,
    onRefused,
    unenforced: realModels.unenforced,
    root: resolveSandboxRoot(config.dataDir),
    hasEgress: config.egress.policy !== 'none',
    image: resolveSandboxImage(config, resolveDesktopSetting(config) === true),
    ourImages: createBundledImages(daemon),
    programs: { node, init: initScriptPath, sudo: sudoScriptPath, daemon, browserPolicy: browserPolicyPath },
  };
}

/** Throws invalid_request if the server listens beyond loopback while sandboxes have no isolation. */
function checkReach({ capabilities }: Driver, { host }: Config): void {
  if (capabilities.isolation !== 'none' || isLoopback(host)) return;
  throw new AppError(
    'invalid_request',
    `HOST is ${host}, which other machines can reach: anyone who has a token could run anything on this machine. ` +
      'Install bubblewrap or start Docker, or listen on 127.0.0.1.',
  );
}

const readTokenKeys = (config: EncryptionKeySettings, newKey: () => string): Promise<Secret[]> =>
  readKeyMaterial({ config, file: 'sandbox-key', newKey });

interface WarmPoolParts {
  readonly recipe: () => SandboxRecipe;
  readonly epoch: number;
  readonly clock: Clock;
  readonly onClaim: (outcome: 'hit' | 'miss') => void;
  readonly onTrouble: (error: AppError) => void;
}
const hourMs = 3_600_000;

/** Even a pool of size 0 deletes ready sandboxes left by an earlier server. */
function withWarmPool(driver: Driver, { config, replica, ids, say, pool }: Options): Driver {
  const { warmPool, ttlSeconds, startTimeoutSeconds, maxStarting } = config.sandbox;
  const { recipe, ...parts } = pool;
  const sizeFor = (freeMemory: () => number | undefined) =>
    warmPool === 'auto' ? createAutomaticPoolSizer({ clock: pool.clock, freeMemory }) : createFixedPoolSizer(warmPool);
  const onNone = () => {
    if (warmPool !== 0)
      say(`CORRAL_SANDBOX_WARM_POOL has no effect with the driver ${driver.name} here: its sandboxes start on demand.`);
  };
  if (hostsPool(driver)) {
    const size = sizeFor(() => undefined); // only the driver knows the free memory of its nodes
    return withHostedPool(driver, { ...pool, size, shared: replica !== undefined, onNone });
  }
  if (!isPoolable(driver)) {
    onNone();
    return driver;
  }
  const ttlMs = ttlSeconds * 1_000;
  return withLocalPool(driver, {
    ...parts,
    ids,
    recipes: () => [recipe()],
    size: sizeFor(driver.freeMemory),
    random: Math.random,
    ttlMs,
    maxAgeMs: Math.min(ttlMs, hourMs),
    startTimeoutMs: startTimeoutSeconds * 1_000,
    concurrency: Math.min(maxStarting, 2),
    shared: replica !== undefined,
  });
}
