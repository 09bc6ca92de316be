import { z } from 'zod';
import type { Clock } from '../../core/contracts/clock.ts';
import { PauseSupport } from '../../core/model/sandboxes/condition.ts';
import { DesktopAvailability } from '../../sessions/api/desktop.ts';
import type { ServerHealth, SessionService } from '../../sessions/api/sessions.ts';

const Check = z.object({ status: z.enum(['healthy', 'unhealthy', 'degraded']), detail: z.string().optional() });
export const HealthChecks = z.object({
  storage: Check,
  sandbox: Check.extend({
    driver: z.string(),
    pause: PauseSupport.optional(),
    engine: z.string().optional().describe('what runs its sandboxes, where the driver has a choice'),
    noServices: z.string().optional().describe('why no services run beside its sandboxes; absent: they do'),
    noVolumes: z.string().optional().describe('why its sandboxes mount no volumes; absent: they do'),
    lacking: z
      .array(z.object({ name: z.string(), text: z.string() }))
      .readonly()
      .optional()
      .describe('programs that its sandboxes lack, and what does not work without them'),
    weaknesses: z
      .array(z.object({ name: z.string(), text: z.string() }))
      .readonly()
      .optional(),
    desktop: DesktopAvailability.optional(),
  }),
  model: Check.extend({ name: z.string() }),
});

/** Health requests are answered within a second, even if a check hangs. */
const patienceMs = 900;

export async function readHealthWithTimeout(
  sessions: Pick<SessionService, 'health'>,
  clock: Clock,
): Promise<ServerHealth> {
  const giveUp = new AbortController();
  const { promise: tooLate, resolve } = Promise.withResolvers<ServerHealth>();
  const timer = clock.setTimeout(() => {
    giveUp.abort();
    resolve(unknown('The checks did not answer in time.'));
  }, patienceMs);
  const failed = () => unknown('The checks failed.');
  const health = await Promise.race([sessions.health(giveUp.signal).catch(failed), tooLate]);
  clock.clearTimeout(timer);
  return health;
}

/** Ignores the model, because restarting the server would not fix it. */
export function computeOverallHealth({ storage, sandbox }: Pick<ServerHealth, 'storage' | 'sandbox'>) {
  const isOut = storage.status === 'unhealthy' || sandbox.status === 'unhealthy';
  return isOut ? ('unhealthy' as const) : ('healthy' as const);
}

function unknown(detail: string): ServerHealth {
  const check = { status: 'unhealthy', detail } as const;
  return {
    storage: check,
    sandbox: { ...check, driver: 'unknown' },
    model: { ...check, name: 'unknown' },
    sessions: { total: 0, running: 0, waiting: 0 },
  };
}
