import { worldsOrOnly } from '../../../support/worlds.ts';
import { pausesIn } from './pauses-in.ts';

for (const world of worldsOrOnly('process')) pausesIn(world);
