// @module-tag all
import { describe, test } from 'vitest';
import { openMongo, skipMongo } from '../../support/stores/mongo.ts';
import { storeContract } from './contracts/store-contract.ts';

if (skipMongo) {
  describe('mongo store', () => test.skip('needs TEST_MONGODB_URL, a server that speaks its protocol'));
} else storeContract('mongo', () => openMongo(), 0.2);
