import { AppError, toAppError } from '../../../core/errors/errors.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import type {
  CreateSessionCommand,
  EnsureNamedSessionCommand,
  NamedSession,
  SessionService,
} from '../../api/sessions.ts';
import type { SessionNames } from './names.ts';

interface Deps {
  readonly names: Pick<SessionNames, 'find' | 'claim' | 'complete' | 'release'>;
  readonly create: (command: CreateSessionCommand) => Promise<SessionRecord>;
  readonly remove: (id: SessionId) => Promise<void>;
  readonly resume: (id: SessionId) => Promise<unknown>;
}
const maxTries = 20;

/** Concurrent callers on any server get the same session. */
export function createNamedSessionMethods({
  names,
  create,
  remove,
  resume,
}: Deps): Pick<SessionService, 'named' | 'byName'> {
  async function named(command: EnsureNamedSessionCommand): Promise<NamedSession> {
    const { owner, name } = command;
    for (let left = maxTries; left > 0; left--) {
      const answer = await names.claim(owner, name);
      if (answer.kind === 'session') {
        // Any use of the sandbox rejects if the start fails.
        void resume(answer.session.id).catch(() => {});
        return { session: answer.session, isNew: false };
      }
      const { claim } = answer;
      let session: SessionRecord;
      try {
        session = await create({ ...command, id: claim.sessionId });
      } catch (thrown) {
        // Another caller may have created the session and thereby exhausted a quota.
        if (toAppError(thrown).code === 'fenced' || (await names.find(owner, name))) continue;
        await names.release(claim);
        throw thrown;
      }
      if (await names.complete(claim)) return { session, isNew: true };
      await remove(session.id); // another caller took the name before this one finished
    }
    throw new AppError('store_busy', `The session ${name} is being created and deleted by other callers. Try again.`);
  }

  return {
    named,
    async byName(name, owner) {
      const found = await names.find(owner, name);
      if (!found) throw new AppError('session_not_found', 'None of your sessions has this name.');
      return found;
    },
  };
}
