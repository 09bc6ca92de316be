import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Driver, SandboxLink, SandboxRecipe, SandboxSpec } from '../../../drivers/driver.ts';
import { findDriver } from '../../../drivers/list.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { type SessionId, sandboxIdOf } from '../../core/model/ids.ts';
import { isEgressRules } from '../../core/model/sandboxes/egress-choice.ts';
import type { MountAccess, Volume } from '../../core/model/sandboxes/volume.ts';
import type { ServiceRecipes } from '../../core/model/services/recipe.ts';
import { createSandboxClient } from '../../sandboxes/client/http-client.ts';
import { createProxyEnv, readCaBundle } from '../../sandboxes/egress/fetch/certificate-authorities.ts';
import { createPageTextFetcher } from '../../sandboxes/egress/fetch/fetch-page.ts';
import { createGuardedFetch, type GuardedFetch } from '../../sandboxes/egress/fetch/guarded-fetch.ts';
import { createProxiedFetch, type ProxiedFetch } from '../../sandboxes/egress/fetch/proxied-fetch.ts';
import { findEgressPolicy } from '../../sandboxes/egress/policies/list.ts';
import { createEgressProxy } from '../../sandboxes/egress/proxy.ts';
import { PackageRegistryCatalog } from '../../sandboxes/egress/registries/registries.ts';
import { installPackages } from '../../sandboxes/packages/packages.ts';
import { runStartCommand } from '../../sandboxes/services/start-services.ts';
import type { DesktopAvailability } from '../../sessions/api/desktop.ts';
import type { EffectiveEgress } from '../../sessions/api/egress.ts';
import type { EngineLogger } from '../../sessions/engine/logger.ts';
import { createDiskGuard, type DiskGuard } from '../../sessions/engine/sandbox/disk-floor.ts';
import { SandboxFactChannel } from '../../sessions/engine/sandbox/sandbox-facts.ts';
import type { SandboxEngineDeps } from '../../sessions/engine/session-actors.ts';
import { readAllowedHosts } from '../../sessions/services/egress.ts';
import { findMountedVolumes } from '../../sessions/volumes/session-volumes.ts';
import { VolumeRecords } from '../../sessions/volumes/volume-records.ts';
import { volumeTransferTemplateName } from '../../sessions/volumes/volume-transfers.ts';
import { DesktopImageBuilder } from '../images/desktop-image.ts';
import { createDesktopEnv, resolveDesktopSetting, resolveSandboxImage } from '../images/image.ts';
import { openProxyCredentials, type ProxyCredentials } from '../parts/credentials.ts';
import { openDriver, resolveSandboxRoot } from '../parts/driver.ts';
import { toEgressPolicy } from '../parts/policies.ts';
import { readTemplates, type TemplateFile } from '../parts/read-templates.ts';
import { RealModelGuard } from '../parts/real-models.ts';
import { type SandboxSettings, SandboxSettingsResolver, type SandboxSettingsSource } from '../parts/session-configs.ts';
import type { Config } from '../settings/config.ts';
import { checkSandboxServices, startSandboxServices, toServiceSpecs } from './sandbox-services.ts';
import { runInBackground, type StartupContext } from './startup.ts';
import type { StorageServices } from './storage.ts';

export const egressProxyPort = 3128;
const caPath = '/run/corral/ca.pem';
const spareBytes = 64 * 2 ** 20;

export interface SandboxInfrastructure
  extends Omit<SandboxEngineDeps, 'connect' | 'holdings' | 'startTimeoutMs'>,
    AsyncDisposable {
  readonly facts: SandboxFactChannel;
  readonly realModels: RealModelGuard;
  readonly credentials: ProxyCredentials;
  /** Allows public addresses, and private addresses that the operator lists. */
  readonly forgeFetch: GuardedFetch;
  readonly settingsOf: (
    session: SandboxSettingsSource,
  ) => Pick<SandboxSettings, 'config' | 'packages' | 'services' | 'within'>;
  /** Without a session, the server's own settings apply. */
  readonly desktopFor: (session?: SandboxSettingsSource) => DesktopAvailability;
  readonly servicesOf: (session: SandboxSettingsSource) => ServiceRecipes;
  readonly checkServices: (session: SandboxSettingsSource) => void;
  readonly missingImageOf: (session: SandboxSettingsSource) => string | undefined;
  readonly readEgress: (id: SessionId) => Promise<Omit<EffectiveEgress, 'allowed'>>;
  readonly transferSpec: (
    session: SessionId,
    volume: Volume,
    how: { readonly folder: string; readonly access: MountAccess },
  ) => SandboxSpec;
  /** Closes open connections that the session's new egress choice does not allow. */
  recheckEgress(id: SessionId, session: SandboxSettingsSource): void;
  readonly buildSpec: (id: SessionId, image: string) => SandboxSpec;
  readonly reachFor: (id: SessionId, link: SandboxLink, signal: AbortSignal) => Promise<void>;
  readonly fetch: ProxiedFetch;
  /** Tool names are not checked yet. */
  readonly templateFiles: readonly TemplateFile[];
}

/** `existing`: a driver that the caller has opened and will close. */
export async function openSandboxInfrastructure(
  server: StartupContext & StorageServices,
  existing?: Driver,
): Promise<SandboxInfrastructure> {
  const { config, clock, ids, logger, metrics, epoch, live, records, warn } = server;
  await using stack = new AsyncDisposableStack();
  const facts = new SandboxFactChannel();
  const templateFiles = readTemplates(config);
  const templates = templateFiles.map(({ template }) => template);
  const own = new SandboxSettingsResolver({
    configOf: () => live.now,
    templates,
    records,
    now: clock.now,
    held: (id) => server.liveSessions.get(id)?.writer.record,
  });
  const volumeRecords = new VolumeRecords(server);
  const addresses = { allowRanges: config.egress.allowRanges };
  const registries = new PackageRegistryCatalog({
    records,
    fetchPage: createPageTextFetcher({ addresses }),
    async findImageKey(id) {
      const { sandbox, egress } = (await own.of(id)).config;
      return findEgressPolicy(egress.policy)?.learnsRegistries ? `${driver.name} ${sandbox.image}` : undefined;
    },
  });
  const roots = await readCaBundle(config.extraCa);
  const credentials = await openProxyCredentials({
    ...server,
    env: process.env,
    now: clock.now,
    newKey: () => ids.token(),
  });
  const { authority } = credentials;
  const trusted = `${roots}${authority.pem}`;
  const gate = stack.use(
    createEgressProxy({
      clock,
      readPolicy: async (id) => {
        const { config: settings, within } = await own.of(id);
        return { ...toEgressPolicy(settings.egress), within };
      },
      readRegistries: (id) => registries.of(id),
      allowedIn: (id) => readAllowedHosts(records, id),
      extraRegistries: config.egress.registries,
      addresses,
      credentials: { of: credentials.of, authority, trusted: roots },
      onDecision: (id, data) => facts.tell(id, { type: 'egress', data }),
    }),
  );
  const recipe = (settings: SandboxSettings, placeholders = credentials.env) =>
    recipeFor(settings, placeholders, desktopOffer(settings.config).state === 'ready');
  const realModels = new RealModelGuard(config);
  const driver: Driver =
    existing ??
    stack.use(
      await openDriver({
        ...server,
        replica: server.replica.name,
        gate,
        realModels,
        templatesHaveDesktops: templates.some(({ sandbox: { desktop } }) => desktop === true),
        caBundle: trusted,
        ownAuthority: authority.pem,
        node: process.execPath,
        pool: {
          recipe: () => recipe(own.server),
          epoch,
          clock,
          onClaim: (outcome) => metrics.warmPool(outcome),
          onTrouble: (err) => warn({ err }, 'sandboxes could not be kept ready'),
        },
        onRefused: (id, reason) => warn({ sandbox: id, reason }, 'a connection from a sandbox was refused'),
      }),
    );
  realModels.bindDriver(driver);
  const image = new DesktopImageBuilder({
    driver,
    clock,
    onPhase: (phase) => server.progress?.record('images of sandboxes', phase, 'background'),
    onTrouble: (err) => warn({ err }, 'the desktop image was not built; sandboxes have no desktop until it is'),
  });
  const desktopNeeds =
    findDriver(config.driver)?.desktopNeeds ?? `Sandboxes of the driver ${config.driver} never have one.`;
  function desktopOffer(settings: Config): DesktopAvailability {
    const has = resolveDesktopSetting(settings);
    if (has === 'auto' && image.offer.state !== 'none') return image.offer;
    return has === true && driver.capabilities.desktop ? { state: 'ready' } : { state: 'none', detail: desktopNeeds };
  }
  if (resolveDesktopSetting(config) === 'auto')
    stack.use(runInBackground(server.closing, (signal) => image.build(signal)));
  const held = stack.move();
  return {
    fetch: createProxiedFetch(gate, trusted),
    templateFiles,
    forgeFetch: createGuardedFetch({ addresses, ca: roots }),
    driver,
    facts,
    realModels,
    credentials,
    diskFloor: createServerDiskGuard(config, { driver, clock, logger }),
    workdir: (id) =>
      driver.capabilities.isolation === 'none'
        ? join(resolveSandboxRoot(config.dataDir), id, 'workspace')
        : '/workspace',
    settingsOf: (session) => own.ofRecord(session),
    desktopFor: (session) => desktopOffer(session ? own.ofRecord(session).config : config),
    servicesOf: (session) => own.ofRecord(session).services,
    checkServices(session) {
      const { services, config: settings } = own.ofRecord(session);
      const closedPorts = new Set([egressProxyPort, ...(driver.capabilities.daemonPorts ?? [])]);
      checkSandboxServices(services, { config: settings, driver, closedPorts });
    },
    missingImageOf(session) {
      const { image } = own.ofRecord(session).config.sandbox;
      return driver.capabilities.images?.includes(image) === false ? image : undefined;
    },
    buildSpec(id, buildImage) {
      own.remember(id, { template: 'default', projectId: null });
      const expiresAt = clock.now() + config.sandbox.ttlSeconds * 1_000;
      const usual = recipeFor(own.server, {}, false);
      return { ...usual, image: buildImage, id: sandboxIdOf(id), sessionId: id, epoch, expiresAt };
    },
    async reachFor(id, link, signal) {
      await registries
        .learn(id, { client: createSandboxClient(link, clock), isFresh: true }, signal)
        .catch((err: unknown) => {
          warn({ build: id, err }, "the image's package managers could not be read");
        });
    },
    recheckEgress(id, session) {
      if (!own.hasOtherEgress(id, session)) return;
      gate.recheck(id).catch((err: unknown) => warn({ session: id, err }, 'connections could not be rechecked'));
    },
    async readEgress(id) {
      const { config: settings, within } = await own.of(id);
      const { kind, entries = [] } = toEgressPolicy(settings.egress);
      const opens = findEgressPolicy(kind)?.label ?? 'nothing';
      const chosen = within && (isEgressRules(within) ? { rules: within } : { within });
      return { policy: kind, opens, entries, canAllow: kind !== 'none', ...chosen };
    },
    transferSpec(session, { id: volume, quotaBytes }, { folder, access }) {
      const usual = recipe(own.server, {});
      // During a restore, the old and the new content briefly exist side by side.
      const bytes = 2 * quotaBytes + spareBytes;
      return {
        ...usual,
        id: sandboxIdOf(session),
        sessionId: session,
        epoch,
        template: volumeTransferTemplateName,
        egress: { kind: 'none' },
        limits: { ...usual.limits, diskBytes: bytes },
        volumes: [{ volume, access, path: `/workspace/${folder}`, quotaBytes: bytes }],
        expiresAt: clock.now() + config.sandbox.ttlSeconds * 1_000,
      };
    },
    async spec(session, id) {
      const settings = own.ofRecord(session);
      own.remember(session.id, session);
      const expiresAt = clock.now() + config.sandbox.ttlSeconds * 1_000;
      const services = toServiceSpecs(settings);
      const volumes = await findMountedVolumes(volumeRecords, session);
      const requested = {
        ...recipe(settings, await credentials.readEnv(session)),
        ...(services.length > 0 && { services }),
        ...(volumes.length > 0 && { volumes }),
        adopts: session.sandbox?.adopts,
      };
      return { id, sessionId: session.id, epoch, ...requested, expiresAt };
    },
    async prepare(id, sandbox, signal) {
      const entries = await registries.learn(id, sandbox, signal).catch((error: unknown) => {
        warn({ session: id, err: error }, "the image's package managers could not be read");
        return [];
      });
      const chosen = await own.of(id);
      const { packages, template, config: settings } = chosen;
      const policy = settings.egress.policy;
      const tell = (detail: string) => facts.tell(id, { type: 'sandbox.phase', data: { phase: 'starting', detail } });
      const { image } = settings.sandbox;
      const report = (data: object) => facts.tell(id, { type: 'sandbox.service', data });
      await startSandboxServices(
        {
          driver,
          id,
          settings: chosen,
          client: sandbox.client,
          isAdopted: !sandbox.isFresh,
          clock,
          tell,
          report,
        },
        signal,
      );
      await installPackages({ client: sandbox.client, packages, template, image, policy, clock, tell }, signal);
      if (!sandbox.isFresh) return; // an adopted sandbox was already reported, and its start command already ran
      if (chosen.start) await runStartCommand({ client: sandbox.client, start: chosen.start, clock, tell }, signal);
      if (driver.capabilities.isolation === 'none') {
        return tell('WITHOUT ISOLATION: what runs here can do whatever the server can, and reach the whole network');
      }
      const hosts = [...new Set(entries.map(({ host }) => host))].join(', ');
      const reach = hosts === '' ? '' : `: ${hosts}`;
      tell(`Egress policy ${policy}${reach}`);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function recipeFor(
  { config, recipe }: SandboxSettings,
  placeholders: Readonly<Record<string, string>>,
  hasDesktop: boolean,
): SandboxRecipe {
  const { memory, cpus, pids, disk } = config.sandbox;
  return {
    template: recipe,
    image: resolveSandboxImage(config, hasDesktop),
    limits: { memoryBytes: memory, cpus, pids, diskBytes: disk },
    egress: toEgressPolicy(config.egress),
    // The placeholders come first, so that no credential overrides the sandbox's own variables.
    env: {
      ...placeholders,
      ...createProxyEnv({ proxyPort: egressProxyPort, caPath }),
      ...createDesktopEnv(config, hasDesktop),
    },
  };
}

interface DiskFloorDeps {
  readonly driver: Driver;
  readonly clock: Clock;
  readonly logger: EngineLogger;
}

function createServerDiskGuard(config: Config, { driver, clock, logger }: DiskFloorDeps): DiskGuard | undefined {
  const disks = findDriver(driver.name)?.disks?.(config.dataDir);
  if (!disks) return undefined;
  const places = [...disks, resolveSandboxRoot(config.dataDir)]; // operators can mount a separate disk for sandboxes
  const readFree = async (place: string) => {
    const found = await statfs(place).catch(() => undefined);
    return found ? found.bavail * found.bsize : Number.POSITIVE_INFINITY;
  };
  const freeBytes = async () => Math.min(...(await Promise.all(places.map(readFree))));
  return createDiskGuard({ driver, clock, logger, floorBytes: config.sandbox.minFreeDisk, freeBytes });
}
