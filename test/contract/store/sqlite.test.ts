import { openSqlite } from '../../support/stores/store-pairs.ts';
import { storeContract } from './contracts/store-contract.ts';

storeContract('sqlite', openSqlite);
