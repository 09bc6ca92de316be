import type { RecordStore } from '../../core/contracts/ports.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxOptions, SessionRecord } from '../../core/model/records.ts';
import { type EgressRestriction, isEgressClosed, isEgressRules } from '../../core/model/sandboxes/egress-choice.ts';
import type { EffectiveEgress, EgressService } from '../api/egress.ts';
import type { SessionService } from '../api/sessions.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly sessions: Pick<SessionService, 'get'>;
  readonly rulesOf: (id: SessionId) => Promise<Omit<EffectiveEgress, 'allowed'>>;
  readonly isEntry: (text: string) => boolean;
  readonly change: (id: SessionId, change: Pick<SessionRecord, 'sandbox'>) => Promise<unknown>;
  /** Throws if the settings or the driver cannot enforce the options in `choice`. */
  readonly checkSandbox: (choice: SandboxOptions, session: SessionRecord) => void;
  /** True if network access cannot be added while the sandbox is running. */
  readonly isEgressFixed: boolean;
}

// Ids begin with the session's id, so that removing the session removes its entries.
const kind = 'allowed-host';
const maxEntries = 100;
const idOf = (id: SessionId, entry: string) => `${id}:${entry}`;

export async function readAllowedHosts(records: RecordStore, id: SessionId): Promise<readonly string[]> {
  const found = await records.list(kind, { idPrefix: idOf(id, '') });
  return found.map((record) => record.id.slice(idOf(id, '').length));
}

const entryOf = (text: string) => text.trim().toLowerCase();
const writtenAlike = (choice: EgressRestriction): EgressRestriction =>
  isEgressRules(choice) ? { allow: choice.allow.map(entryOf), deny: choice.deny.map(entryOf) } : choice.map(entryOf);

export function createEgressService({ records, sessions, clock, rulesOf, isEntry, ...deps }: Deps): EgressService {
  return {
    async inForce(id) {
      await sessions.get(id);
      return { ...(await rulesOf(id)), allowed: [...(await readAllowedHosts(records, id))].sort() };
    },
    async allow(id, text) {
      await sessions.get(id);
      const { canAllow, policy } = await rulesOf(id);
      if (!canAllow) {
        const why = `The egress policy is '${policy}', so this sandbox has no network access and no host can be allowed.`;
        throw new AppError(
          'unsupported',
          `${why} Start the server with another CORRAL_EGRESS_POLICY, such as allow-list.`,
        );
      }
      const entry = entryOf(text);
      if (!isEntry(entry)) {
        throw new AppError(
          'invalid_request',
          `'${text}' is not a host. Write it like example.org, *.example.org or example.org:8443.`,
        );
      }
      if ((await readAllowedHosts(records, id)).length >= maxEntries) {
        throw new AppError('conflict', `The session already has ${maxEntries} allowed hosts. Revoke some first.`);
      }
      const now = clock.now();
      await records.put({ kind, id: idOf(id, entry), doc: { at: now }, sort: now });
    },
    async narrow(id, choice) {
      const session = await sessions.get(id);
      const { egress: before, ...rest } = session.sandbox ?? {};
      const usual = { ...session, sandbox: rest };
      const chosen = choice ? writtenAlike(choice) : undefined;
      // Removing a restriction needs no support from the driver.
      if (chosen) deps.checkSandbox({ egress: chosen }, usual);
      const opens = isEgressClosed(before) && !isEgressClosed(chosen);
      if (opens && deps.isEgressFixed && session.sandboxState === 'running') {
        throw new AppError(
          'unsupported',
          'This sandbox has no network access, and its driver cannot add it while it runs. Pause or stop it, then change the rules.',
        );
      }
      await deps.change(id, { sandbox: { ...rest, ...(chosen && { egress: chosen }) } });
    },
    async withdraw(id, text) {
      await sessions.get(id);
      await records.delete(kind, idOf(id, entryOf(text)));
    },
  };
}
