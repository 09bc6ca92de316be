import { afterAll, beforeAll, describe } from 'vitest';
import type { Store } from '../../../../src/core/contracts/ports.ts';
import type { OpenStore } from '../../../support/stores/store.ts';
import { commandContract } from './command-contract.ts';
import { eventContract } from './event-contract.ts';
import { inboxAndLeaseContract } from './inbox-lease-contract.ts';
import { largeContract } from './large-contract.ts';
import { logContract } from './log-contract.ts';
import { recordContract } from './record-contract.ts';
import { requestContract } from './request-contract.ts';
import { transferContract } from './transfer-contract.ts';

/**
 * Tests every promise of the port on one implementation. The tests share the store, and each uses its own sessions.
 * `effort` scales the number of random tries; lower it for a slow store.
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
    // twenty turns on a slow store take half a minute
    describe('requests', { tags: effort < 1 ? ['nightly'] : [] }, () => requestContract(store));
    inboxAndLeaseContract(store);
    commandContract(store);
    transferContract(store);
    largeContract(store);
    logContract(store, effort);
  });
}
