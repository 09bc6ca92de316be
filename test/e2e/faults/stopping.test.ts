import { worlds } from '../../support/worlds.ts';
import { stoppingIn } from './stopping-in.ts';

for (const world of worlds) stoppingIn(world);
