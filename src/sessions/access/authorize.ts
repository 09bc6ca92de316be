import { AppError } from '../../core/errors/errors.ts';
import { type Actor, hasRole, tooWeak } from '../../core/model/actor.ts';
import type { SessionRecord } from '../../core/model/records.ts';

/**
 * The kinds of access: see a session's list entry, read its content, change its content, end its run or the session itself.
 */
export type Action = 'see' | 'read' | 'work' | 'stop';

/** The part of a session, project or file that permissions depend on. */
export interface Owned {
  readonly owner?: string | undefined;
  readonly shared?: boolean;
}

const owns = (actor: Actor, { owner }: Owned): boolean => actor.owner !== undefined && actor.owner === owner;

/** The only place that decides whether an actor is allowed an action. */
export function may(actor: Actor, action: Action, thing: Owned): boolean {
  if (actor.role === 'admin') return true;
  const isReading = action === 'see' || action === 'read';
  if (actor.role === 'reader') return isReading;
  if (thing.shared && isReading) return true;
  if (owns(actor, thing)) return isReading || hasRole(actor, 'user');
  return hasRole(actor, 'operator') && (action === 'see' || action === 'stop');
}

/**
 * Throws `gone()` for another owner's thing, as if it did not exist, and `forbidden` when only the actor's role is too weak.
 */
export function authorize(actor: Actor, action: Action, thing: Owned, gone: () => AppError = noSession): void {
  if (may(actor, action, thing)) return;
  throw actor.role === 'reader' || owns(actor, thing) ? tooWeak(actor) : gone();
}
/** Returns a check of one action on the thing with an id. An admin's check is skipped: nothing is read from the store. */
export function checkBy<Id>(get: (id: Id) => Promise<Owned>, actorOf: () => Actor, gone?: () => AppError) {
  return (id: Id, action: Action): Promise<void> | undefined => {
    const actor = actorOf();
    if (actor.role === 'admin') return undefined;
    return get(id).then((thing) => authorize(actor, action, thing, gone));
  };
}
export function authorizeRole(actor: Actor, least: 'user' | 'operator' | 'admin'): void {
  if (!hasRole(actor, least)) throw tooWeak(actor);
}

export const noSession = () => new AppError('session_not_found', 'There is no such session.');

/** The session as this actor may see it: without message texts unless the actor may read the session. */
export function seenBy(actor: Actor, session: SessionRecord): SessionRecord {
  return may(actor, 'read', session) ? session : { ...session, latestMessage: '', lastTask: '' };
}
