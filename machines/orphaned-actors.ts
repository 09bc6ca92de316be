import type { AnyActorRef } from 'xstate';

// XState does not stop the children of an actor that throws.

export const actorStopEvent = { type: 'xstate.stop' } as const;

export function findRunningChildren(parent: AnyActorRef, id: string): AnyActorRef[] {
  const crashed = parent.getSnapshot().children?.[id] as AnyActorRef | undefined;
  const children: readonly (AnyActorRef | undefined)[] = Object.values(crashed?.getSnapshot().children ?? {});
  return children.filter((child): child is AnyActorRef => child?.getSnapshot().status === 'active');
}
