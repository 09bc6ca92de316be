import { memoryStore } from '../../../src/storage/memory/store.ts';
import { storeContract } from './contracts/store-contract.ts';

storeContract('memory', async () => {
  const store = memoryStore();
  return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});
