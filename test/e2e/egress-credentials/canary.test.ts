import { canaryOfCredentials } from '../../support/credential-canary.ts';
import { worldsOrOnly } from '../../support/worlds.ts';

for (const world of worldsOrOnly('process')) canaryOfCredentials(world);
