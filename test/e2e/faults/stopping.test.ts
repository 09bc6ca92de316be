import { worldsOrOnly } from '../../support/worlds.ts';
import { stoppingIn } from './stopping-in.ts';

for (const world of worldsOrOnly('process')) stoppingIn(world);
