import type { CorralClient, Event } from '../../../src/client/index.ts';

/** Follows a session from its first event, over as many connections as needed. */
export function follow(corral: CorralClient, sessionId: string) {
  /** All events so far, in the order of arrival. */
  const events: Event[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {}); // the caller of `toEnd` gets the rejection
  const watching = corral.events.subscribe.subscribe(
    { sessionId, lastEventId: '0' },
    {
      onData({ data: event }) {
        if (event.type === 'resync') return reject(new Error(`resync: ${event.reason}`));
        events.push(event);
        if (event.type === 'run.end') resolve();
      },
      onError: reject,
    },
  );
  return {
    events,
    /** Resolves with all events up to the end of the first run. */
    async toEnd() {
      await promise;
      return events.slice(0, events.findIndex(({ type }) => type === 'run.end') + 1);
    },
    [Symbol.dispose]: () => watching.unsubscribe(),
  };
}
