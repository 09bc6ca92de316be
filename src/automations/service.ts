import type { Clock } from '../core/contracts/clock.ts';
import { AppError } from '../core/errors/errors.ts';
import type { IdSource } from '../core/model/ids.ts';
import type { Automation, AutomationService, AutomationSpec } from '../sessions/api/server/automations.ts';
import type { AutomationRecords } from './records.ts';
import { nextTime, nextTimes, parseCron } from './schedule.ts';
import { newStart } from './scheduler.ts';

interface Deps {
  readonly records: AutomationRecords;
  readonly ids: Pick<IdSource, 'short'>;
  readonly clock: Clock;
  /** Rejects: invalid_request for a template, model or project that the server does not have. */
  readonly check: (spec: Pick<AutomationSpec, 'template' | 'model' | 'projectId'>) => Promise<void>;
  /** Tells the scheduler that there may be something to do. */
  readonly wake: () => void;
}
const maxAutomations = 100; // of one owner
const maxWaiting = 20; // starts of one automation

/** Automations as people make, change and start them. */
export function automationService({ records, ids, clock, check, wake }: Deps): AutomationService {
  const nextOf = (schedule: AutomationSpec['schedule']): number | null =>
    schedule && nextTime(parseCron(schedule), clock.now());

  const listed = async (owner?: string): Promise<Automation[]> => {
    const all = await records.all();
    const seen = owner === undefined ? all : all.filter((one) => one.owner === owner || one.shared);
    return seen.sort((a, b) => b.createdAt - a.createdAt);
  };

  async function changed(id: string, change: (now: Automation) => Automation): Promise<Automation> {
    const next = await records.change(id, change);
    wake();
    return next;
  }

  return {
    list: listed,
    async create({ owner, ...spec }) {
      await check(spec);
      const nextAt = nextOf(spec.schedule);
      const own = (await records.all()).filter((one) => one.owner === owner);
      if (own.length >= maxAutomations)
        throw new AppError('quota', `There are ${maxAutomations} automations already. Delete some first.`);
      const now = clock.now();
      const automation: Automation = {
        ...spec,
        ...(owner !== undefined && { owner }),
        id: ids.short(),
        version: 1,
        paused: null,
        failures: 0,
        nextAt,
        createdAt: now,
        updatedAt: now,
      };
      await records.put(automation, 0);
      wake();
      return automation;
    },
    get: async (id) => (await records.get(id)).doc,
    async update(id, { version, ...change }) {
      const { doc } = await records.get(id);
      await check({ ...doc, ...change });
      nextOf(change.schedule ?? null); // refuses a schedule before anything changes
      return await changed(id, (now) => {
        if (version !== undefined && version !== now.version) {
          const text = `Somebody has changed it: it has the version ${now.version}, not ${version}. Look at it again.`;
          throw new AppError('conflict', text);
        }
        const nextAt = change.schedule === undefined ? now.nextAt : nextOf(change.schedule);
        return { ...now, ...change, nextAt, version: now.version + 1, updatedAt: clock.now() };
      });
    },
    async delete(id) {
      await records.delete(id);
    },
    pause: (id) =>
      changed(id, (now) => ({ ...now, paused: { by: 'person', text: 'Somebody paused it.', at: clock.now() } })),
    resume: (id) => changed(id, (now) => ({ ...now, paused: null, failures: 0, nextAt: nextOf(now.schedule) })),
    async start(id, key) {
      const { doc: automation } = await records.get(id);
      const waiting = (await records.openStarts(id)).filter(({ doc }) => doc.state === 'queued');
      if (waiting.length >= maxWaiting)
        throw new AppError('quota', `${maxWaiting} starts wait already. Wait for them, or stop the sessions at work.`);
      const start = newStart(automation, {
        id: `${id}:${ids.short()}`,
        cause: { kind: 'person', key },
        at: clock.now(),
      });
      await records.addStart(start);
      wake();
      return start;
    },
    async starts(id, query) {
      await records.get(id);
      return await records.starts(id, query);
    },
    times: async (schedule, count) => nextTimes(parseCron(schedule), clock.now(), count),
  };
}
