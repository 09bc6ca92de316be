import { createTimeoutSignal, sleep } from '../../core/concurrency/cancel.ts';
import { poll } from '../../core/concurrency/rounds.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { StartCommand } from '../../core/model/sandboxes/built-template.ts';
import type { ServiceRecipe, ServiceStatus } from '../../core/model/services/recipe.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { SandboxClient } from '../client/client.ts';

export interface SandboxServiceRunner {
  start(name: string, signal: AbortSignal): Promise<void>;
  states(signal: AbortSignal): Promise<readonly Omit<ServiceStatus, 'ports'>[]>;
  listening(signal: AbortSignal): Promise<readonly number[]>;
}
export interface SandboxServiceUpdate {
  readonly name: string;
  readonly kind: 'ready' | 'failed';
  readonly detail: string;
}
interface ServiceStarts {
  readonly host: SandboxServiceRunner;
  readonly services: Readonly<Record<string, ServiceRecipe>>;
  readonly clock: Clock;
  readonly patienceMs: number;
  readonly tell: (news: SandboxServiceUpdate) => void;
}

const lookEveryMs = 200;

/** Resolves once every service is ready or has failed. Rejects only if the signal fires. */
export async function startServices(starts: ServiceStarts, signal: AbortSignal): Promise<void> {
  const { services, tell } = starts;
  const begun = new Map<string, Promise<boolean>>();
  const ready = (name: string): Promise<boolean> => {
    const known = begun.get(name) ?? one(name);
    begun.set(name, known);
    return known;
  };
  const fail = (name: string, detail: string) => {
    tell({ name, kind: 'failed', detail: `The service ${name} is not available: ${detail}` });
    return false;
  };

  async function one(name: string): Promise<boolean> {
    const { after = [], ports = [] } = services[name] ?? {};
    for (const other of after) {
      if (!(await ready(other))) return fail(name, `it depends on ${other}, which failed.`);
    }
    try {
      using until = createTimeoutSignal(starts.patienceMs, starts.clock, signal);
      await starts.host.start(name, until.signal);
      await untilReady(starts, name, until.signal);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const { code, publicMessage } = toAppError(thrown);
      const seconds = Math.round(starts.patienceMs / 1_000);
      return fail(name, code === 'deadline_exceeded' ? `it was not ready within ${seconds} s.` : publicMessage);
    }
    const where = ports.length === 0 ? '' : ` at ${ports.map((port) => `${name}:${port}`).join(', ')}`;
    tell({ name, kind: 'ready', detail: `The service ${name} is ready${where}.` });
    return true;
  }

  // Waits even after a failure, so that no service is still starting on return.
  const ends = await Promise.allSettled(Object.keys(services).map(ready));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

async function untilReady({ host, services, clock }: ServiceStarts, name: string, signal: AbortSignal): Promise<void> {
  const { healthcheck, ports = [] } = services[name] ?? {};
  const look = async () => {
    const state = (await host.states(signal)).find((it) => it.name === name);
    if (state?.state === 'ready') return true;
    if (state?.state === 'unhealthy') throw unusable('its health check failed too often.');
    if (state?.state === 'exited') throw unusable(`it ended with exit code ${state.exitCode ?? 'unknown'}.`);
    if (state?.state === 'running' && !healthcheck) {
      const open = ports.length === 0 ? [] : await host.listening(signal);
      if (ports.every((port) => open.includes(port))) return true;
    }
    return undefined;
  };
  await poll(look, { everyMs: lookEveryMs, clock }, signal);
}

const unusable = (message: string) => new AppError('sandbox_unavailable', message);

interface Start {
  readonly client: Pick<SandboxClient, 'exec' | 'jobs' | 'ports'>;
  readonly start: StartCommand;
  readonly clock: Clock;
  readonly tell: (detail: string) => void;
}

/** Must be less than the time that clients wait for a new sandbox. */
const patienceMs = 45_000;
const startedEveryMs = 500;
const markMs = 10_000;
const shownChars = 200;
/** Marks the program as started. `/tmp` is in memory and lost with the processes. */
const mark = '/tmp/.corral-started';

/** Waits until the program is ready. Reports its failures and timeouts instead of rejecting. */
export async function runStartCommand({ client, start, clock, tell }: Start, signal: AbortSignal): Promise<void> {
  const { exitCode } = await client.exec({ command: `mkdir ${mark} 2>/dev/null`, timeoutMs: markMs }, signal);
  if (exitCode !== 0) return;
  const { command, folder, ready } = start;
  if (command !== undefined) {
    tell(`Starts the template's command: ${truncateEnd(command, shownChars)}`);
    const argv = ['/bin/bash', '-l', '-c', command];
    const job = { id: 'start-command', argv, cwd: folder, label: 'start command', input: false };
    const failure = await client.jobs.start(job, signal).then(() => undefined, refusal);
    if (failure !== undefined) return tell(`The template's command did not start: ${failure}`);
  }
  if (ready === undefined) return;
  using until = createTimeoutSignal(patienceMs, clock, signal);
  try {
    while (!(await isReady({ client, ready, folder }, until.signal))) await sleep(startedEveryMs, until.signal, clock);
  } catch (thrown) {
    if (signal.aborted || !until.signal.aborted) throw thrown;
    const what =
      'port' in ready ? `nothing listens on port ${ready.port}` : `${truncateEnd(ready.command, shownChars)} fails`;
    tell(
      `The template's command was not ready within ${patienceMs / 1_000} s: ${what}. The sandbox continues without it.`,
    );
  }
}

interface ReadinessCheck {
  readonly client: Start['client'];
  readonly ready: NonNullable<StartCommand['ready']>;
  readonly folder: string;
}
async function isReady({ client, ready, folder }: ReadinessCheck, signal: AbortSignal): Promise<boolean> {
  if ('port' in ready) return (await client.ports.list(signal)).some(({ port }) => port === ready.port);
  return (await client.exec({ command: ready.command, cwd: folder, timeoutMs: patienceMs }, signal)).exitCode === 0;
}

function refusal(thrown: unknown): string {
  const isOurs = thrown instanceof AppError && ['file_not_found', 'invalid_request', 'conflict'].includes(thrown.code);
  if (isOurs) return thrown.publicMessage;
  throw thrown;
}
