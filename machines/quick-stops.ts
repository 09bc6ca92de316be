import type { AnyActorRef } from 'xstate';

interface Scheduler {
  schedule(source: AnyActorRef, ...rest: unknown[]): void;
  cancelAll(source: AnyActorRef): void;
}

/**
 * When an actor stops, XState looks through the timers of all actors for those of that one. With hundreds of sessions in
 * memory, and actors that stop with each call of a tool, that adds up. Most actors never had a timer, and are passed by here.
 */
export function quickStops(root: AnyActorRef): void {
  const { scheduler } = root.system as unknown as { scheduler: Scheduler };
  const { schedule, cancelAll } = scheduler;
  const withTimers = new WeakSet<AnyActorRef>();
  scheduler.schedule = (source, ...rest) => {
    withTimers.add(source);
    schedule(source, ...rest);
  };
  scheduler.cancelAll = (source) => {
    if (withTimers.has(source)) cancelAll(source);
  };
}
