import { canaryOfCredentials } from '../../../support/egress/credential-canary.ts';
import { worldsOrOnly } from '../../../support/worlds.ts';

for (const world of worldsOrOnly('process')) canaryOfCredentials(world);
