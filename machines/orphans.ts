import type { AnyActorRef } from 'xstate';

// An actor that throws is stopped by XState, but its children are not: they would go on for nobody. Whoever hears of
// the crash ends them, with the very event by which XState ends a child.

export const stopIt = { type: 'xstate.stop' } as const;

/** Those children of a child that still run, also where it crashed. */
export function childrenOf(parent: AnyActorRef, id: string): AnyActorRef[] {
  const crashed = parent.getSnapshot().children?.[id] as AnyActorRef | undefined;
  const children: readonly (AnyActorRef | undefined)[] = Object.values(crashed?.getSnapshot().children ?? {});
  return children.filter((child): child is AnyActorRef => child?.getSnapshot().status === 'active');
}
