import { createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import { poll } from '../../core/concurrency/rounds.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { ServiceRecipe, ServiceStatus } from '../../core/model/services/recipe.ts';

export interface SandboxServiceHost {
  /** Does nothing for a running service. */
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
  readonly host: SandboxServiceHost;
  readonly services: Readonly<Record<string, ServiceRecipe>>;
  readonly clock: Clock;
  readonly patienceMs: number;
  readonly tell: (news: SandboxServiceUpdate) => void;
}

const lookEveryMs = 200;

/**
 * Starts the services, each after its dependencies, and resolves once each is ready or has failed. A failed service is reported;
 * only services that depend on it are skipped. Rejects only when the signal fires.
 */
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

  // Waits for all starts even after a failure, so that no start continues after this function returns.
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
