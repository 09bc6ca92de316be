import { type DoneActorEvent, type ErrorActorEvent, enqueueActions, setup } from 'xstate';
import type { SessionId } from '../src/core/model/ids.ts';
import { actorStopEvent, findRunningChildren } from './orphaned-actors.ts';
import { type SessionCommand, type SessionInput, type SlotEvent, type SlotKind, sessionMachine } from './session.ts';
import { acquireSlot, emptySlotPools, releaseSlot, type SlotPools } from './slots.ts';
import { createPlaceholderActor } from './unprovided.ts';

export interface RestartPolicy {
  readonly maxRestarts: number; // within windowMs; the next crash ends the session
  readonly windowMs: number;
  readonly backoffMs: (restart: number) => number;
}
export interface SupervisorInput {
  readonly now: () => number;
  readonly policy: RestartPolicy;
  readonly limits: Readonly<Record<SlotKind, number>>;
}
interface Child {
  readonly crashes: readonly number[]; // epoch ms, within the window
  /** Delivered once the session is loaded. */
  readonly pending: readonly SessionCommand[];
}
export type SupervisorEvent =
  | { type: 'session.command'; id: SessionId; command: SessionCommand }
  /** The session's log or sandbox needs attention. */
  | { type: 'session.wake'; id: SessionId }
  /** The session's state in memory contradicts its log. Treated as a crash. */
  | { type: 'session.broken'; id: SessionId; error: unknown }
  /** Another server owns the session now. Nothing is ended or undone. */
  | { type: 'session.leave'; id: SessionId }
  | { type: 'session.hydrate'; id: SessionId }
  | SlotEvent
  | DoneActorEvent
  | ErrorActorEvent;

type Children = ReadonlyMap<SessionId, Child>;
interface SupervisorContext extends SupervisorInput {
  children: Children;
  slots: SlotPools;
}
const hydrationOf = (id: string) => `hydrate ${id}`;
const sessionOf = (actorId: string) => actorId.replace(/^hydrate /, '') as SessionId;

export const supervisorMachine = setup({
  types: {
    input: {} as SupervisorInput,
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    emitted: {} as
      | { type: 'session.ended'; id: SessionId; output: 'deleted' | 'passivated' }
      | { type: 'session.crashed'; id: SessionId; error: unknown; restartInMs: number }
      /** Sent when a session has crashed too often. The undelivered `commands` are refused. */
      | { type: 'session.abandoned'; id: SessionId; error: unknown; commands: readonly SessionCommand[] }
      /** The session's log could not be read. The `commands` are refused. */
      | { type: 'session.unavailable'; id: SessionId; error: unknown; commands: readonly SessionCommand[] },
  },
  actors: {
    session: sessionMachine,
    /** Rejects with session_not_found. */
    hydrate: createPlaceholderActor<SessionInput, { id: SessionId }>('hydrate'),
  },
}).createMachine({
  id: 'supervisor',
  context: ({ input }) => ({ ...input, children: new Map(), slots: emptySlotPools }),
  on: {
    'session.command': {
      actions: enqueueActions(({ context, event: { id, command }, enqueue, self }) => {
        const actor = self.getSnapshot().children[id];
        if (actor?.getSnapshot().status === 'active') return enqueue.sendTo(actor, command);
        const child = context.children.get(id);
        const pending = [...(child?.pending ?? []), command];
        enqueue.assign({ children: withChild(context.children, id, { crashes: child?.crashes ?? [], pending }) });
        if (!child) enqueue.spawnChild('hydrate', { id: hydrationOf(id), input: { id } });
      }),
    },
    'session.wake': {
      guard: ({ context, event }) => !context.children.has(event.id),
      actions: enqueueActions(({ context, event: { id }, enqueue }) => {
        enqueue.assign({ children: withChild(context.children, id, { crashes: [], pending: [] }) });
        enqueue.spawnChild('hydrate', { id: hydrationOf(id), input: { id } });
      }),
    },
    'session.broken': {
      actions: enqueueActions(({ event: { id, error }, enqueue, self }) => {
        if (!self.getSnapshot().children[id]) return;
        enqueue.raise({ type: 'xstate.error.actor.child', actorId: id, error });
      }),
    },
    'session.leave': {
      guard: ({ context, event }) => context.children.has(event.id),
      actions: enqueueActions(({ context, event: { id }, enqueue, self }) => {
        enqueue.cancel(`restart ${id}`);
        for (const actor of [id, hydrationOf(id)]) if (self.getSnapshot().children[actor]) enqueue.stopChild(actor);
        const { slots, grants } = released(context, id);
        for (const grant of grants) tell(self.getSnapshot().children, grant, enqueue.sendTo);
        enqueue.assign({ slots, children: withoutChild(context.children, id) });
      }),
    },
    'session.hydrate': {
      guard: ({ context, event }) => context.children.has(event.id),
      actions: enqueueActions(({ event: { id }, enqueue }) => {
        enqueue.spawnChild('hydrate', { id: hydrationOf(id), input: { id } });
      }),
    },
    'slot.request': {
      actions: enqueueActions(({ context, event: { id, slot, isChild, owner }, enqueue, self }) => {
        // The waiting parent of a child session already holds a slot.
        if (isChild && slot === 'run') return tell(self.getSnapshot().children, { id, slot }, enqueue.sendTo);
        const { slots, grants } = acquireSlot(context.slots, { id, slot, owner }, context.limits);
        enqueue.assign({ slots });
        for (const grant of grants) tell(self.getSnapshot().children, grant, enqueue.sendTo);
      }),
    },
    'slot.release': {
      actions: enqueueActions(({ context, event: { id, slot }, enqueue, self }) => {
        const { slots, grants } = releaseSlot(context.slots, { id, slot }, context.limits);
        enqueue.assign({ slots });
        for (const grant of grants) tell(self.getSnapshot().children, grant, enqueue.sendTo);
      }),
    },
    'xstate.done.actor.*': {
      actions: enqueueActions(({ context, event: { actorId, output }, enqueue, self }) => {
        enqueue.stopChild(actorId); // XState keeps a finished child in memory until it is stopped
        const id = sessionOf(actorId);
        const child = context.children.get(id);
        if (actorId !== id) {
          if (!child) return;
          enqueue.spawnChild('session', { id, input: output as SessionInput });
          enqueue.assign({ children: withChild(context.children, id, { ...child, pending: [] }) });
          for (const command of child.pending) enqueue.sendTo(id as never, command as never);
          return;
        }
        const { slots, grants } = released(context, id);
        for (const grant of grants) tell(self.getSnapshot().children, grant, enqueue.sendTo);
        const left = withoutChild(context.children, id);
        enqueue.emit({ type: 'session.ended', id, output: output as 'deleted' | 'passivated' });
        const pending = child?.pending ?? [];
        enqueue.assign({ slots, children: pending.length > 0 ? withChild(left, id, { crashes: [], pending }) : left });
        if (pending.length > 0) enqueue.spawnChild('hydrate', { id: hydrationOf(id), input: { id } });
      }),
    },
    'xstate.error.actor.*': {
      actions: enqueueActions(({ context, event: { actorId, error }, enqueue, self }) => {
        for (const orphan of findRunningChildren(self, actorId)) enqueue.sendTo(orphan, actorStopEvent);
        enqueue.stopChild(actorId);
        const id = sessionOf(actorId);
        const child = context.children.get(id);
        if (!child) return;
        const { slots, grants } = released(context, id);
        for (const grant of grants) tell(self.getSnapshot().children, grant, enqueue.sendTo);
        if (actorId !== id) {
          enqueue.assign({ slots, children: withoutChild(context.children, id) });
          enqueue.emit({ type: 'session.unavailable', id, error, commands: child.pending });
          return;
        }
        const now = context.now();
        const crashes = [...child.crashes.filter((at) => now - at < context.policy.windowMs), now];
        if (crashes.length > context.policy.maxRestarts) {
          enqueue.assign({ slots, children: withoutChild(context.children, id) });
          enqueue.emit({ type: 'session.abandoned', id, error, commands: child.pending });
          return;
        }
        const delay = context.policy.backoffMs(crashes.length);
        enqueue.assign({ slots, children: withChild(context.children, id, { ...child, crashes }) });
        enqueue.raise({ type: 'session.hydrate', id }, { id: `restart ${id}`, delay });
        enqueue.emit({ type: 'session.crashed', id, error, restartInMs: delay });
      }),
    },
  },
});

const withChild = (children: Children, id: SessionId, child: Child): Children => new Map(children).set(id, child);

function withoutChild(children: Children, id: SessionId): Children {
  const rest = new Map(children);
  rest.delete(id);
  return rest;
}

function released(context: SupervisorContext, id: SessionId) {
  const first = releaseSlot(context.slots, { id, slot: 'run' }, context.limits);
  const second = releaseSlot(first.slots, { id, slot: 'start' }, context.limits);
  return { slots: second.slots, grants: [...first.grants, ...second.grants] };
}

type SendToActor = (actor: never, event: never) => void;
function tell(children: Record<string, unknown>, grant: { id: SessionId; slot: SlotKind }, send: unknown): void {
  const actor = children[grant.id];
  if (actor) (send as SendToActor)(actor as never, { type: 'slot.granted', slot: grant.slot } as never);
}
