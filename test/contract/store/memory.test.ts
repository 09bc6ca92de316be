import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { storeContract } from './contracts/store-contract.ts';

storeContract('memory', async () => {
  const store = createInMemoryStore();
  return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});
