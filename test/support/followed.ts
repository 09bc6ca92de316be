import type { CorralClient, Event } from '../../src/client/index.ts';

export interface Followed extends Disposable {
  /** All so far, as they came. */
  readonly events: readonly Event[];
  /** All up to the end of the first run. */
  toEnd(): Promise<readonly Event[]>;
}

/** What a client of the server sees of a session from its beginning, over however many connections. */
export function follow(corral: CorralClient, sessionId: string): Followed {
  const events: Event[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {}); // whoever waits hears of it
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
    async toEnd() {
      await promise;
      return events.slice(0, events.findIndex(({ type }) => type === 'run.end') + 1);
    },
    [Symbol.dispose]: () => watching.unsubscribe(),
  };
}
