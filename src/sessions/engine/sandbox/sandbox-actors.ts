import { fromPromise } from 'xstate';
import {
  type CallOptions,
  type Driver,
  isPausable,
  type ProvisionProgress,
  type SandboxLink,
  type SandboxSpec,
} from '../../../../drivers/driver.ts';
import { createResourceActor } from '../../../../machines/resource-actor.ts';
import { type SandboxLinkEvent, sandboxMachine } from '../../../../machines/sandbox.ts';
import { combineSignals, createTimeoutSignal, sleep } from '../../../core/concurrency/cancel.ts';
import type { Clock } from '../../../core/contracts/clock.ts';
import { AppError, toAppError } from '../../../core/errors/errors.ts';
import { failpoint } from '../../../core/errors/failpoint.ts';
import type { SandboxId, SessionId } from '../../../core/model/ids.ts';
import { truncateEnd } from '../../../core/text/text.ts';
import type { DesktopStatus, SandboxClient } from '../../../sandboxes/client/client.ts';
import { HealthMonitor } from '../../../sandboxes/client/health-monitor.ts';
import type { LiveSession } from '../../run/live-session.ts';
import type { EngineLogger } from '../logger.ts';
import type { DiskUsageMonitor } from './disk-reports.ts';

const named = 20;
const commandChars = 120;
const settleMs = 2_000;
/** Shorter than the pause request's timeout; flushing gigabytes takes several seconds. */
const syncMs = 15_000;

/** Call before a freeze, so that a power cut loses no data. Resolves with the processes' command lines. */
export async function flushSandbox(
  client: SandboxClient,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const commands = await commandsIn(client, clock, signal);
  using until = createTimeoutSignal(syncMs, clock, signal);
  await client.exec({ command: 'sync -f .' }, until.signal).catch(() => {});
  return commands;
}

/** Empty if the sandbox does not respond. */
async function commandsIn(client: SandboxClient, clock: Clock, signal: AbortSignal): Promise<readonly string[]> {
  using soon = createTimeoutSignal(settleMs, clock, signal);
  const all = await client.processes(soon.signal).catch(() => []);
  return all
    .filter(({ cmd }) => !desktopProgram.test(cmd))
    .slice(0, named)
    .map(({ cmd }) => truncateEnd(cmd, commandChars));
}
/** Programs of the desktop, which start again with it. */
const desktopProgram = /^\S*\/(Xvnc|openbox|chromium|chrome_crashpad_handler)( |$)/;

const texts = {
  sandbox_unavailable:
    'The sandbox could not be started because of a fault on the server. Try again in a moment. If it fails again, the ' +
    "operator can find the cause in the server's log under the id of this session.",
  sandbox_lost:
    'The sandbox was lost because of a fault on the server. Its next use starts it again. The operator can find the cause ' +
    "in the server's log under the id of this session.",
} as const;

/** Clients do not see `cause`, which can contain the server's paths and addresses. */
function sandboxFailure(thrown: unknown, code: keyof typeof texts): AppError {
  const failure = toAppError(thrown);
  if (failure === thrown || failure.code !== 'internal') return failure;
  return new AppError(code, texts[code], { cause: thrown });
}

export interface SandboxDeps {
  readonly driver: Driver;
  readonly clock: Clock;
  readonly logger: Pick<EngineLogger, 'warn'>;
  readonly startTimeoutMs: number;
  live(sessionId: SessionId): LiveSession;
  spec(sessionId: SessionId, sandboxId: SandboxId): SandboxSpec | Promise<SandboxSpec>;
  connect(sessionId: SessionId, link: SandboxLink): SandboxClient;
  prepare(sessionId: SessionId, sandbox: ConnectedSandbox, signal: AbortSignal): Promise<void>;
  /** Restores the session's initial files before a new sandbox is used. */
  restore?(session: LiveSession, client: SandboxClient, signal: AbortSignal): Promise<void>;
  /** Ends processes and saves files before the sandbox stops. */
  rest?(session: LiveSession, client: SandboxClient, signal: AbortSignal): Promise<void>;
  ready(session: LiveSession, client: SandboxClient): void;
  saw(sessionId: SessionId, desktop: DesktopStatus): void;
  readonly disk?: DiskUsageMonitor | undefined;
  track(released: Promise<AppError | undefined>): void;
  readonly holdings?: SandboxQuota | undefined;
  /** Called after a start fails or a sandbox is lost. Clients must not see the cause. */
  failed(sessionId: SessionId, failure: AppError): void;
  release?(client: SandboxClient): void;
}

export interface SandboxQuota {
  /** Rejects: quota, sandbox_capacity. */
  takeSandbox(live: LiveSession): Promise<void>;
  adoptSandbox(live: LiveSession): void;
  freeSandbox(id: SessionId): void;
}

export interface ConnectedSandbox {
  readonly client: SandboxClient;
  readonly isFresh: boolean;
}

const heartbeatMs = 1_000;
const callMs = 30_000;
/** Time limit for hashing and copying files before the sandbox stops. */
const restMs = 30_000;
const none = { display: 0, browser: 0 };
const stopped = { state: 'stopped', browser: 'stopped', width: 0, height: 0, restarts: none } as const;

export function provideSandboxMachine(deps: SandboxDeps) {
  const { driver, clock, live } = deps;
  async function within<Value>(
    ms: number,
    signal: AbortSignal,
    act: (call: CallOptions) => Promise<Value>,
  ): Promise<Value> {
    using until = createTimeoutSignal(ms, clock, signal);
    return await act(until);
  }
  const begun = new Map<SandboxId, number>();
  /** Sandboxes that failed while in use. The next start destroys them. */
  const broken = new Set<SandboxId>();
  /** Commands running in frozen sandboxes, recorded before the freeze because a frozen sandbox cannot report them. */
  const frozen = new Map<SandboxId, readonly string[]>();
  async function telling<Value>(
    { sessionId, as }: SandboxOperation,
    signal: AbortSignal,
    work: Promise<Value>,
  ): Promise<Value> {
    try {
      return await work;
    } catch (thrown) {
      const failure = sandboxFailure(thrown, as);
      if (!signal.aborted) deps.failed(sessionId, failure);
      throw failure;
    }
  }
  async function noting<Value>({ sessionId, sandboxId }: SandboxOwner, signal: AbortSignal, holding: Promise<Value>) {
    try {
      return await telling({ sessionId, as: 'sandbox_lost' }, signal, holding);
    } catch (failure) {
      if (!signal.aborted) broken.add(sandboxId);
      throw failure;
    }
  }

  async function start({ sessionId, sandboxId }: SandboxOwner, signal: AbortSignal): Promise<void> {
    begun.set(sandboxId, clock.now());
    await failpoint('driver.create.before');
    await deps.disk?.admit();
    await deps.holdings?.takeSandbox(live(sessionId));
    if (broken.has(sandboxId)) {
      await within(callMs, signal, (call) => driver.destroy(sandboxId, 'keep', call));
      broken.delete(sandboxId);
    }
    const { writer } = live(sessionId);
    const tell = (news: ProvisionProgress) => {
      const runId = live(sessionId).runWriter?.runId ?? null;
      void writer.write([{ type: 'sandbox.phase', runId, data: news }]).catch(() => {});
    };
    const spec = await deps.spec(sessionId, sandboxId);
    await within(deps.startTimeoutMs, signal, (call) => driver.provision(spec, call, tell));
    await failpoint('driver.create.afterCall');
  }

  async function use(
    { own, sandboxId, link, client }: HeldSandbox,
    tell: (news: SandboxLinkEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { desktop } = await within(callMs, signal, (call) => client.health(call.signal));
    own.desktop.begin(desktop);
    await deps.restore?.(own, client, signal);
    await deps.prepare(own.id, { client, isFresh: begun.has(sandboxId) }, signal);
    await failpoint('driver.create.afterRecord');
    own.client = client;
    own.sandboxFailure = undefined;
    deps.ready(own, client);
    const since = begun.get(sandboxId);
    begun.delete(sandboxId);
    tell({ type: 'hold.ready', ms: since === undefined ? 0 : clock.now() - since });
    const lost = combineSignals([link.lost, client.trust.broken]);
    using disk = deps.disk?.follow({ sessionId: own.id, sandboxId, isFresh: since !== undefined });
    const silence = new HealthMonitor(clock, link.starvedMs);
    await watch({ own, client, lost, clock, saw: deps.saw, disk, silence }, signal);
  }

  /** Records the processes that a files-only stop ends, then saves files. Best effort. */
  async function leaveFiles({ sessionId, sandboxId }: SandboxOwner, signal: AbortSignal): Promise<void> {
    const own = live(sessionId);
    const tell = async (ended: readonly string[]) => {
      const data = { phase: 'pausing' as const, ...(ended.length > 0 && { ended: [...ended] }) };
      await own.writer.write([{ type: 'sandbox.phase', runId: own.runWriter?.runId ?? null, data }]).catch(() => {});
    };
    const slept = frozen.get(sandboxId);
    try {
      if (slept && isPausable(driver)) await within(settleMs, signal, (call) => driver.resume(sandboxId, call));
      await using link = await within(settleMs, signal, (call) => driver.attach(sandboxId, call, 'guest'));
      const client = deps.connect(sessionId, link);
      await tell(slept ?? (await commandsIn(client, clock, signal)));
      using until = createTimeoutSignal(restMs, clock, combineSignals([signal, link.lost]));
      await deps.rest?.(own, client, until.signal);
    } catch (thrown) {
      const about = { session: sessionId, sandbox: sandboxId, err: thrown };
      if (!signal.aborted) deps.logger.warn(about, 'the files of an ended sandbox have no manifest');
    }
  }

  return sandboxMachine.provide({
    actors: {
      provision: fromPromise(({ input, signal }) =>
        telling({ sessionId: input.sessionId, as: 'sandbox_unavailable' }, signal, start(input, signal)),
      ),

      hold: createResourceActor<HeldSandbox, SandboxOwner, SandboxLinkEvent>({
        acquire: async ({ sessionId, sandboxId }, signal) => {
          const attach = async (call: CallOptions) => {
            // An earlier process may have paused an adopted sandbox.
            if (!begun.has(sandboxId) && isPausable(driver)) await driver.resume(sandboxId, call);
            return await driver.attach(sandboxId, call);
          };
          const link = await noting({ sessionId, sandboxId }, signal, within(callMs, signal, attach));
          const client = deps.connect(sessionId, link);
          const own = live(sessionId);
          deps.holdings?.adoptSandbox(own);
          return { own, sandboxId, link, client, [Symbol.asyncDispose]: () => drop(own, client, link, deps.release) };
        },
        use: (held, tell, signal) => {
          const whose = { sessionId: held.own.id, sandboxId: held.sandboxId };
          return noting(whose, signal, use(held, tell, signal));
        },
        track: deps.track,
      }),

      pause: fromPromise(async ({ input: { sessionId, sandboxId }, signal }) => {
        const own = live(sessionId);
        frozen.set(sandboxId, own.client ? await flushSandbox(own.client, clock, signal) : []);
        own.isPaused = true; // set before the freeze, because a paused daemon misses heartbeats
        await failpoint('driver.pause.before');
        if (isPausable(driver)) await within(callMs, signal, (call) => driver.pause(sandboxId, call));
        await failpoint('driver.pause.after');
      }),
      unpause: fromPromise(async ({ input: { sessionId, sandboxId }, signal }) => {
        await failpoint('driver.resume.before');
        if (isPausable(driver)) await within(callMs, signal, (call) => driver.resume(sandboxId, call));
        await failpoint('driver.resume.after');
        live(sessionId).isPaused = false;
        frozen.delete(sandboxId);
      }),
      release: fromPromise(async ({ input: { sessionId, sandboxId, workspace, isDistrusted }, signal }) => {
        begun.delete(sandboxId);
        if (workspace === 'keep' && !isDistrusted && !broken.has(sandboxId))
          await leaveFiles({ sessionId, sandboxId }, signal);
        frozen.delete(sandboxId);
        broken.delete(sandboxId);
        await failpoint('driver.destroy.before');
        const ending = within(callMs, signal, (call) => driver.destroy(sandboxId, workspace, call));
        await ending.catch((error: unknown) => {
          const about = { session: sessionId, sandbox: sandboxId, workspace, err: error };
          if (!signal.aborted) deps.logger.warn(about, 'a sandbox could not be ended; the next clean-up retries');
          throw error;
        });
        await failpoint('driver.destroy.after');
        deps.holdings?.freeSandbox(sessionId);
      }),
    },
  });
}

interface SandboxOwner {
  readonly sessionId: SessionId;
  readonly sandboxId: SandboxId;
}
interface SandboxOperation {
  readonly sessionId: SessionId;
  readonly as: Parameters<typeof sandboxFailure>[1];
}
interface HeldSandbox extends AsyncDisposable {
  readonly own: LiveSession;
  readonly sandboxId: SandboxId;
  readonly link: SandboxLink;
  readonly client: SandboxClient;
}

async function drop(
  own: LiveSession,
  client: SandboxClient,
  link: SandboxLink,
  release: SandboxDeps['release'],
): Promise<void> {
  release?.(client);
  if (own.client === client) own.client = undefined;
  own.isPaused = false;
  await link[Symbol.asyncDispose]();
}

interface WatchedSandbox {
  readonly silence: HealthMonitor;
  readonly lost: AbortSignal;
  readonly disk: ReturnType<DiskUsageMonitor['follow']> | undefined;
}

/** Throws when the sandbox is lost or no longer responds. */
async function watch(
  {
    own,
    client,
    lost,
    clock,
    saw,
    silence,
    disk: followed,
  }: Pick<HeldSandbox, 'own' | 'client'> & Pick<SandboxDeps, 'clock' | 'saw'> & WatchedSandbox,
  signal: AbortSignal,
) {
  const either = combineSignals([signal, lost]);
  let heardAt = clock.now();
  while (!either.aborted) {
    // Three missed heartbeats must take less than six seconds.
    await sleep(silence.isSilent ? heartbeatMs / 4 : heartbeatMs, either, clock).catch(() => {});
    if (either.aborted) break;
    if (own.isPaused) continue;
    try {
      silence.recordRequest();
      using soon = createTimeoutSignal(silence.patienceMs, clock, either);
      const { desktop = stopped, disk } = await client.health(soon.signal);
      silence.recordReply();
      heardAt = clock.now();
      saw(own.id, desktop);
      if (disk) followed?.saw(disk);
    } catch (thrown) {
      if (toAppError(thrown).code === 'sandbox_lost' && lost.aborted) break;
      if (await silence.missed()) {
        const seconds = Math.round((clock.now() - heardAt) / 1_000);
        throw new AppError(
          'sandbox_unresponsive',
          `The sandbox has not responded for ${seconds} s. Its next use starts it again.`,
        );
      }
    }
  }
  if (signal.aborted) return;
  const why = lost.reason instanceof AppError ? lost.reason : undefined;
  throw why ?? new AppError('sandbox_lost', 'The sandbox ended unexpectedly.');
}
