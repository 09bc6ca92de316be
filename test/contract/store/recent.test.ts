import { withRecent } from '../../../src/storage/log/recent-events-cache.ts';
import { memoryStore } from '../../../src/storage/memory/store.ts';
import { storeContract } from './contracts/store-contract.ts';

const open = (limits?: Parameters<typeof withRecent>[1]) => async () => {
  const store = withRecent(memoryStore(), limits);
  return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
};
storeContract('recent logs before a', open());
storeContract('few and short recent logs before a', open({ logs: 2, chars: 200, eventsEach: 5, charsEach: 150 }));
