import type { Store } from '../../../core/contracts/ports.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { AttemptService } from '../../../sessions/api/server/attempts.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import { AttemptRecords } from '../../../sessions/attempts/attempt-records.ts';
import { readAttemptWork } from '../../../sessions/attempts/attempt-results.ts';
import { AttemptRounds } from '../../../sessions/attempts/attempt-rounds.ts';
import { attemptService } from '../../../sessions/attempts/attempt-service.ts';
import type { ChildBudgets } from '../../../sessions/budgets/children.ts';
import type { Delegation } from '../../../sessions/delegation/child-runs.ts';
import type { SandboxAccess } from '../../../sessions/engine/sandbox/sandbox-access.ts';
import type { SessionCommands } from '../../../sessions/engine/session-commands.ts';
import type { SandboxCopies } from '../../../sessions/forks/sandbox-copies.ts';
import { runInBackground, type Startup } from '../startup.ts';

interface AttemptParts {
  readonly records: Store['records'];
  readonly events: Store['events'];
  readonly budgets: Pick<ChildBudgets, 'spentWithChildren' | 'childrenOf'>;
  readonly delegation: Delegation;
  readonly sandboxes: Pick<SandboxAccess, 'use'>;
  readonly copies: Pick<SandboxCopies, 'replace'>;
  readonly commands: Pick<SessionCommands, 'change'>;
  readonly findTemplate: (name: string) => object | undefined;
  readonly checkModel: (ref: string) => Promise<void>;
  /** Whether this server currently works on attempts. */
  readonly leads: () => Promise<boolean>;
  readonly shared: boolean;
}
/** The interval between polls for attempts that were requested at another server. A single server needs none. */
const lookMs = { shared: 3_000, alone: 60_000 };

/** The attempts of sessions. Children of sessions are registered first; the work starts once the sessions exist. */
export function openAttempts({ clock, ids, logger, closing }: Startup, parts: AttemptParts) {
  const { budgets, delegation, events, sandboxes, copies, commands, findTemplate, checkModel, leads, shared } = parts;
  const records = new AttemptRecords(parts.records);
  const woken = { rounds: undefined as AttemptRounds | undefined };
  const wake = () => woken.rounds?.wake();
  const spentWithChildren = (id: SessionId) => budgets.spentWithChildren(id);
  return {
    wake,
    /** The children of sessions, which are exported and deleted with them. */
    children: {
      childrenOf: (id: SessionId) => budgets.childrenOf(id),
      async stopChildren(id: SessionId): Promise<void> {
        await records.stopOpen(id);
        await delegation.stopChildren(id);
        wake();
      },
      async deleteChildren(id: SessionId): Promise<void> {
        await records.stopOpen(id);
        await delegation.deleteChildren(id);
        wake();
      },
    },
    begin(sessions: SessionService): AsyncDisposable & { readonly service: AttemptService } {
      const rounds = new AttemptRounds({
        records,
        sessions,
        starts: delegation.starts,
        workOf: (session, signal) =>
          readAttemptWork({ sessions, sandboxes, spentWithChildren, clock }, session, signal),
        async takeFiles(copied, signal) {
          await copies.replace(copied.from, copied.to, signal);
          const { strangers } = await commands.change(copied.to, {});
          const isKnown = strangers.includes('session');
          if (!isKnown) await commands.change(copied.to, { strangers: [...strangers, 'session'] });
        },
        leads,
        lookMs: shared ? lookMs.shared : lookMs.alone,
        clock,
        warn: (about, text) => logger.warn(about, text),
      });
      woken.rounds = rounds;
      const work = runInBackground(closing, (signal) => rounds.run(signal));
      const service = attemptService({
        records,
        sessions,
        events,
        spentWithChildren,
        hasTemplate: (name) => findTemplate(name) !== undefined,
        checkModel,
        wake,
        clock,
        ids,
      });
      return { service, [Symbol.asyncDispose]: () => work[Symbol.asyncDispose]() };
    },
  };
}
