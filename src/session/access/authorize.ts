import { type Actor, hasRole, tooWeak } from '../../core/actor.ts';
import { AppError } from '../../core/errors.ts';
import type { SessionRecord } from '../../core/records.ts';

/** What may be wanted of a session: its head, what is in it, changing what is in it, ending it or its work. */
export type Action = 'see' | 'read' | 'work' | 'stop';

/** A session, project or file. */
export interface Owned {
  readonly owner?: string | undefined;
  readonly shared?: boolean;
}

const owns = (actor: Actor, { owner }: Owned): boolean => actor.owner !== undefined && actor.owner === owner;

/** The one place that says who may do what. */
export function may(actor: Actor, action: Action, thing: Owned): boolean {
  if (actor.role === 'admin') return true;
  const isReading = action === 'see' || action === 'read';
  if (actor.role === 'reader') return isReading;
  if (thing.shared && isReading) return true;
  if (owns(actor, thing)) return isReading || hasRole(actor, 'user');
  return hasRole(actor, 'operator') && (action === 'see' || action === 'stop');
}

/** What is not one's own does not exist, in every dialect; what is may be too much for the role. */
export function authorize(actor: Actor, action: Action, thing: Owned, gone: () => AppError = noSession): void {
  if (may(actor, action, thing)) return;
  throw actor.role === 'reader' || owns(actor, thing) ? tooWeak(actor) : gone();
}
/** Asks of the thing with an id what an action on it needs. Whoever may do everything is asked nothing, and costs nothing. */
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

/** The head as the actor may see it: whose session it is not gets no words of it. */
export function seenBy(actor: Actor, session: SessionRecord): SessionRecord {
  return may(actor, 'read', session) ? session : { ...session, latestMessage: '', lastTask: '' };
}
