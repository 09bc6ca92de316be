import type { AnyActorRef } from 'xstate';

// XState stops an actor that throws, but not that actor's children. The parent that sees the crash stops them, with the
// event that XState itself sends to stop a child.

export const stopEvent = { type: 'xstate.stop' } as const;

/** The children of a child that still run, even if that child crashed. */
export function childrenOf(parent: AnyActorRef, id: string): AnyActorRef[] {
  const crashed = parent.getSnapshot().children?.[id] as AnyActorRef | undefined;
  const children: readonly (AnyActorRef | undefined)[] = Object.values(crashed?.getSnapshot().children ?? {});
  return children.filter((child): child is AnyActorRef => child?.getSnapshot().status === 'active');
}
