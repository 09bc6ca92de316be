import { memoryStore } from '../../../src/store/memory/store.ts';
import { withRecent } from '../../../src/store/recent-events-cache.ts';
import { storeContract } from './store-contract.ts';

const open = (limits?: Parameters<typeof withRecent>[1]) => async () => {
  const store = withRecent(memoryStore(), limits);
  return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
};
storeContract('recent logs before a', open());
storeContract('few and short recent logs before a', open({ logs: 2, chars: 200, eventsEach: 5, charsEach: 150 }));
