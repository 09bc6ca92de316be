import { join } from 'node:path';
import type { Driver, SandboxRecipe } from '../../drivers/driver.ts';
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { IdSource, SessionId } from '../core/ids.ts';
import type { RecordStore } from '../core/ports.ts';
import { caBundle, sandboxEnv } from '../egress/authorities.ts';
import { pageFetcher } from '../egress/fetch-page.ts';
import { egressProxy } from '../egress/proxy.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Note } from '../session/engine/command-router.ts';
import type { EngineOptions } from '../session/engine/engine-options.ts';
import { openDriver, sandboxFolder } from './driver.ts';
import { egressPolicy } from './engine.ts';
import { desktopEnv, sandboxImage } from './image.ts';
import { ImageRegistries } from './registries.ts';

const proxyPort = 3128;
const caPath = '/run/corral/ca.pem';

interface Options {
  /** With an absolute dataDir. */
  readonly config: Config;
  readonly instance: string;
  /** This server's name among several servers that share sandboxes; undefined: it is the only one. */
  readonly replica: string | undefined;
  /** Tells sandboxes of an older owner apart. */
  readonly epoch: number;
  readonly template: string;
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'warmPool'>;
  /** Tells people what they need to know at the start. */
  readonly say: (text: string) => void;
  /** Appends facts about a sandbox to its session's log. */
  readonly note: (id: SessionId, note: Note) => void;
  /** An existing driver. */
  readonly given: Driver | undefined;
}
/** The driver of sandboxes, their specification, and the egress proxy that is their only way out. */
export interface Sandboxes extends Pick<EngineOptions, 'spec' | 'prepare' | 'workdir'>, AsyncDisposable {
  readonly driver: Driver;
}

export async function openSandboxes(options: Options): Promise<Sandboxes> {
  const { config, clock, logger, note } = options;
  await using stack = new AsyncDisposableStack();
  const policy = egressPolicy(config);
  const addresses = { allowRanges: config.egress.allowRanges };
  const registries = new ImageRegistries({
    records: options.records,
    fetchPage: pageFetcher({ addresses }),
    keyOf: () => (policy.kind === 'registries' ? `${driver.name} ${config.sandbox.image}` : undefined),
  });
  const gate = stack.use(
    egressProxy({
      clock,
      policyOf: () => policy,
      registriesOf: (id) => registries.of(id),
      extraRegistries: config.egress.registries,
      addresses,
      onDecision: (id, data) => note(id, { type: 'egress', data }),
    }),
  );
  const recipe = recipeFor(options);
  const { instance, replica, epoch, ids, say, metrics } = options;
  const driver: Driver =
    options.given ??
    stack.use(
      await openDriver({
        ...{ config, instance, replica, gate, ids, say },
        caBundle: await caBundle(config.extraCa),
        node: process.execPath,
        pool: {
          ...{ recipe, epoch, clock },
          onClaim: (outcome) => metrics.warmPool(outcome),
          onTrouble: (err) => logger.warn({ err }, 'sandboxes could not be kept ready'),
        },
        onRefused: (id, reason) => logger.warn({ sandbox: id, reason }, 'a connection from a sandbox was refused'),
      }),
    );
  const held = stack.move();
  return {
    driver,
    workdir: (id) =>
      driver.capabilities.isolation === 'none' ? join(sandboxFolder(config.dataDir), id, 'workspace') : '/workspace',
    spec: (sessionId, id) => ({
      ...{ id, sessionId, epoch },
      ...recipe,
      expiresAt: clock.now() + config.sandbox.ttlSeconds * 1_000,
    }),
    async prepare(id, sandbox, signal) {
      const entries = await registries.learn(id, sandbox, signal).catch((error: unknown) => {
        logger.warn({ session: id, err: error }, "the image's package managers could not be read");
        return [];
      });
      if (!sandbox.isFresh) return; // its session's log has it already
      if (driver.capabilities.isolation === 'none') {
        const detail = 'WITHOUT ISOLATION: what runs here can do whatever the server can, and reach the whole network';
        return note(id, { type: 'sandbox.phase', data: { phase: 'starting', detail } });
      }
      const hosts = [...new Set(entries.map(({ host }) => host))].join(', ');
      const reach = hosts === '' ? '' : `: ${hosts}`;
      note(id, { type: 'sandbox.phase', data: { phase: 'starting', detail: `Egress policy ${policy.kind}${reach}` } });
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function recipeFor({ config, template }: Options): SandboxRecipe {
  const { memory, cpus, pids, disk } = config.sandbox;
  return {
    template,
    image: sandboxImage(config),
    limits: { memoryBytes: memory, cpus, pids, diskBytes: disk },
    egress: egressPolicy(config),
    env: { ...sandboxEnv({ proxyPort, caPath }), ...desktopEnv(config) },
  };
}
