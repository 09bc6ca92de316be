import type { SessionId } from '../../../core/model/ids.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import { AttemptRecords } from '../../../sessions/attempts/attempt-records.ts';
import { readAttemptOutcome } from '../../../sessions/attempts/attempt-results.ts';
import { AttemptRunner } from '../../../sessions/attempts/attempt-rounds.ts';
import { createAttemptService } from '../../../sessions/attempts/attempt-service.ts';
import type { ServerWithEngine } from '../engine.ts';
import { runInBackground } from '../startup.ts';

interface AttemptParts {
  readonly checkModel: (ref: string) => Promise<void>;
}
/** Maximum pause between rounds, in ms. On a shared store, other servers can add work. */
const lookMs = { shared: 3_000, alone: 60_000 };

export function openAttemptServices(server: ServerWithEngine, { checkModel }: AttemptParts) {
  const { delegation, sandboxes, sandboxCopies: copies, commands, clock, closing } = server;
  const { children: budgets } = server.ledger;
  const records = new AttemptRecords(server);
  const woken = { rounds: undefined as AttemptRunner | undefined };
  const wake = () => woken.rounds?.wake();
  const spentWithChildren = (id: SessionId) => budgets.spentWithChildren(id);
  return {
    wake,
    children: {
      listChildren: (id: SessionId) => budgets.listChildren(id),
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
    begin(sessions: SessionService) {
      const rounds = new AttemptRunner({
        ...server,
        records,
        sessions,
        starts: delegation.starts,
        workOf: (session, signal) =>
          readAttemptOutcome({ sessions, sandboxes, spentWithChildren, clock }, session, signal),
        async takeFiles({ from, to, attempt }, signal) {
          await copies.replace(from, to, signal);
          const { strangers } = await commands.change(to, {});
          const isKnown = strangers.includes('session');
          await commands.change(to, { attempt, ...(!isKnown && { strangers: [...strangers, 'session'] }) });
        },
        leads: server.replica.mayStartAutomations,
        lookMs: server.shared ? lookMs.shared : lookMs.alone,
      });
      woken.rounds = rounds;
      const service = createAttemptService({
        ...server,
        records,
        sessions,
        spentWithChildren,
        hasTemplate: (name) => server.templates.find(name) !== undefined,
        checkModel,
        wake,
      });
      return { service, ...runInBackground(closing, (signal) => rounds.run(signal)) };
    },
  };
}
