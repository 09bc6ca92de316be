import { afterAll, beforeAll, describe } from 'vitest';
import type { Store } from '../../../src/core/ports.ts';
import type { OpenStore } from '../../support/store.ts';
import { commandContract } from './command-contract.ts';
import { eventContract } from './event-contract.ts';
import { inboxAndLeaseContract } from './inbox-lease-contract.ts';
import { largeContract } from './large-contract.ts';
import { logContract } from './log-contract.ts';
import { recordContract } from './record-contract.ts';
import { transferContract } from './transfer-contract.ts';

/**
 * Every promise of the port, asked of one implementation. Tests share the store and keep to sessions of their own.
 * `effort`: how much of the tries by chance, where a store is slow.
 */
export function storeContract(name: string, open: () => Promise<OpenStore>, effort = 1): void {
  describe(`${name} store`, () => {
    let opened: OpenStore | undefined;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.[Symbol.asyncDispose]());
    const store = (): Store => {
      if (!opened) throw new Error('the store did not open');
      return opened.store;
    };
    eventContract(store, effort);
    recordContract(store);
    inboxAndLeaseContract(store);
    commandContract(store);
    transferContract(store);
    largeContract(store);
    logContract(store, effort);
  });
}
