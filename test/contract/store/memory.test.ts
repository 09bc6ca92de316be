import { memoryStore } from '../../../src/store/memory/store.ts';
import { storeContract } from './store-contract.ts';

storeContract('memory', async () => {
  const store = memoryStore();
  return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});
