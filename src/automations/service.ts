import { isDeepStrictEqual } from 'node:util';
import { withSequentialCalls } from '../core/concurrency/keyed-queue.ts';
import type { Clock } from '../core/contracts/clock.ts';
import { AppError } from '../core/errors/errors.ts';
import type { IdSource } from '../core/model/ids.ts';
import type { Automation, AutomationService, AutomationSpec } from '../sessions/api/server/automations.ts';
import type { HookReceiver } from './hooks/receiver.ts';
import type { HookSecrets } from './hooks/secrets.ts';
import {
  type AutomationRecords,
  createAutomationStart,
  maxAutomations,
  type OwnerAccessCheck,
  resolveOwnerOnResume,
} from './records.ts';
import { findNextDueTime, findNextDueTimes, parseCronRule } from './schedule.ts';

interface Deps {
  readonly records: AutomationRecords;
  readonly secrets: Pick<HookSecrets, 'make' | 'keep' | 'delete'>;
  readonly receiver: Pick<HookReceiver, 'receive'>;
  readonly ids: Pick<IdSource, 'short'>;
  readonly clock: Clock;
  /** Rejects with invalid_request, not_found, session_not_found or forbidden for an unusable reference. */
  readonly check: (
    spec: Pick<AutomationSpec, 'template' | 'model' | 'projectId' | 'after' | 'repositories' | 'skills'>,
    owner: string | undefined,
  ) => Promise<void>;
  readonly isOwned: OwnerAccessCheck;
  readonly keepsPrepared: boolean;
  readonly wake: () => void;
  readonly look: () => Promise<void>;
}
const ofProgram = [
  'kind',
  'message',
  'goal',
  'repositories',
  'projectId',
  'template',
  'model',
  'skills',
  'hook',
  'after',
  'budget',
] as const satisfies readonly (keyof AutomationSpec)[];
const refuseArchived = ({ program }: Automation): void => {
  if (program && program.archivedAt !== null)
    throw new AppError('conflict', 'The program that defined this automation has archived it. Create another one.');
};
const maxWaiting = 20; // maximum pending starts of one automation

export function createAutomationService(deps: Deps): AutomationService {
  const { records, secrets, receiver, ids, clock, check, isOwned, keepsPrepared, wake, look } = deps;
  const nextOf = (schedule: AutomationSpec['schedule']): number | null =>
    schedule && findNextDueTime(parseCronRule(schedule), clock.now());

  const listed: AutomationService['list'] = async (owner, projects) => {
    return (await records.list(owner, projects)).sort((a, b) => b.createdAt - a.createdAt);
  };

  /** Rejects with invalid_request or not_found. */
  async function checkStarts({ hook, after }: Pick<AutomationSpec, 'hook' | 'after'>, own?: string): Promise<void> {
    if (hook && hook.source !== 'json' && hook.events.length === 0)
      throw new AppError('invalid_request', 'Choose at least one event that starts the automation.', {
        field: 'hook.events',
      });
    if (hook?.events.includes('comment.mention') && hook.account === null)
      throw new AppError('invalid_request', 'Set the account whose mention starts the automation.', {
        field: 'hook.account',
      });
    for (let [next, seen] = [after, 0]; next?.of === 'automation'; seen++) {
      if (next.id === own || seen > maxAutomations)
        throw new AppError('invalid_request', 'The automation would start itself endlessly. Choose another rule.', {
          field: 'after.id',
        });
      next = (await records.get(next.id)).after;
    }
  }

  /** Throws invalid_request. */
  function checkKind({
    kind,
    message,
    goal,
    repositories,
  }: Pick<AutomationSpec, 'kind' | 'message' | 'goal' | 'repositories'>): void {
    const refuse = (field: string, text: string) => new AppError('invalid_request', text, { field });
    if (kind === 'run') {
      if (message.trim() === '') throw refuse('message', 'Enter a message, the task for the agent.');
      return;
    }
    if (message !== '') throw refuse('message', 'A prebuild runs no agent. Remove the message, or use the kind run.');
    if (goal)
      throw refuse(
        'goal',
        'A prebuild runs no agent, so a goal cannot be judged. Remove the goal, or use the kind run.',
      );
    if (repositories.length === 0) throw refuse('repositories', 'A prebuild prepares repositories. Name at least one.');
    if (!keepsPrepared)
      throw refuse(
        'kind',
        'This server keeps no prepared files, so a prebuild would have no effect. Raise repositories.keep-prepared.',
      );
  }

  /** Throws invalid_request. */
  function checkProgram(now: Automation, change: Partial<AutomationSpec>): void {
    if (!now.program || change.program) return;
    const other = ofProgram.find(
      (field) => change[field] !== undefined && !isDeepStrictEqual(change[field], now[field]),
    );
    if (other !== undefined)
      throw new AppError(
        'invalid_request',
        `This automation was created through the API ${now.program.api}; only that API can change its ${other}.`,
      );
  }

  async function changed(id: string, change: (now: Automation) => Automation): Promise<Automation> {
    const next = await records.change(id, change);
    wake();
    return next;
  }

  const service: AutomationService = {
    list: listed,
    async create({ owner, secret, ...spec }) {
      checkKind(spec);
      await check(spec, owner);
      await checkStarts(spec);
      const nextAt = nextOf(spec.schedule);
      const now = clock.now();
      const automation: Automation = {
        ...spec,
        ...(owner !== undefined && { owner }),
        id: ids.short(),
        version: 1,
        paused: null,
        failures: 0,
        nextAt,
        secretAt: null,
        createdAt: now,
        updatedAt: now,
      };
      await records.create(automation);
      if (secret) await secrets.keep(automation.id, secret, now);
      await look();
      wake();
      return automation;
    },
    get: (id) => records.get(id),
    async update(id, { version, secret, ...change }) {
      const doc = await records.get(id);
      refuseArchived(doc);
      checkProgram(doc, change);
      const isOther = [change.kind, change.message, change.goal, change.repositories].some(
        (input) => input !== undefined,
      );
      if (isOther) checkKind({ ...doc, ...change });
      await check({ ...doc, ...change }, doc.owner);
      await checkStarts({ ...doc, ...change }, id);
      nextOf(change.schedule ?? null); // rejects an invalid schedule before anything changes
      const next = await changed(id, (now) => {
        if (version !== undefined && version !== now.version) {
          const text = `It was changed in the meantime: its version is ${now.version}, not ${version}. Read it again.`;
          throw new AppError('conflict', text);
        }
        const nextAt = change.schedule === undefined ? now.nextAt : nextOf(change.schedule);
        return { ...now, ...change, nextAt, version: now.version + 1, updatedAt: clock.now() };
      });
      if (secret) await secrets.keep(id, secret, next.updatedAt);
      if (next.program && next.program.archivedAt !== null) await secrets.delete(id);
      await look();
      return next;
    },
    async delete(id) {
      await records.delete(id);
      await secrets.delete(id);
    },
    pause: (id) =>
      changed(id, (now) => ({ ...now, paused: { by: 'person', text: 'Somebody paused it.', at: clock.now() } })),
    resume: (id, by) =>
      changed(id, (now) => {
        refuseArchived(now);
        return {
          ...now,
          ...resolveOwnerOnResume(now, { by, isOwned }),
          paused: null,
          failures: 0,
          nextAt: nextOf(now.schedule),
        };
      }),
    async start(id, key) {
      const automation = await records.get(id);
      refuseArchived(automation);
      const waiting = (await records.openStarts(id)).filter(({ doc }) => doc.state === 'queued');
      if (waiting.length >= maxWaiting)
        throw new AppError(
          'quota',
          `${maxWaiting} starts are already waiting. Wait for them, or stop running sessions.`,
        );
      const start = createAutomationStart(automation, {
        id: `${id}:${ids.short()}`,
        cause: { kind: 'person', key },
        at: clock.now(),
      });
      await records.addStart(start);
      wake();
      return start;
    },
    async rotateSecret(id) {
      const doc = await records.get(id);
      if (!doc.hook) throw new AppError('conflict', 'The automation accepts no deliveries. Add a hook first.');
      const at = clock.now();
      const secret = await secrets.make(id, at);
      await records.change(id, (now) => ({ ...now, secretAt: at, updatedAt: at }));
      return { secret };
    },
    receive: (id, request) => receiver.receive(id, request),
    async starts(id, query) {
      await records.get(id);
      return await records.starts(id, query);
    },
    times: async (schedule, count) => findNextDueTimes(parseCronRule(schedule), clock.now(), count),
  };
  return withSequentialCalls(service, 'start');
}
