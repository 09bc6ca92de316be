import { AppError } from '../../core/errors.ts';
import type { Channel } from './channel.ts';
import type { Operations } from './transaction.ts';

/**
 * A channel whose thread starts with the first request, and ends after `restMs` without one: a thread needs 14 MiB. A
 * failed start rejects the requests that waited for it, and the next request tries again.
 */
export function restingChannel<Ops extends Operations>(
  open: () => Promise<Channel<Ops>>,
  restMs: number,
): Channel<Ops> {
  let opened: Promise<Channel<Ops>> | undefined;
  let ending: Promise<void> = Promise.resolve();
  let resting: NodeJS.Timeout | undefined;
  let pending = 0;
  let isClosed = false;

  function started(): Promise<Channel<Ops>> {
    if (opened) return opened;
    const starting = open();
    opened = starting;
    starting.catch(() => {
      if (opened === starting) opened = undefined;
    });
    return starting;
  }

  function end(): void {
    clearTimeout(resting);
    const last = opened;
    opened = undefined;
    if (last)
      ending = last.then(
        (channel) => channel[Symbol.asyncDispose](),
        () => {},
      );
  }

  return {
    get pending() {
      return pending;
    },
    async call(name, args, chars) {
      if (isClosed) throw new AppError('store_unavailable', 'The store is closed.');
      clearTimeout(resting);
      pending++;
      try {
        const channel = await started();
        return await channel.call(name, args, chars);
      } finally {
        pending--;
        if (pending === 0 && !isClosed) resting = setTimeout(end, restMs).unref();
      }
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      end();
      await ending;
    },
  };
}
