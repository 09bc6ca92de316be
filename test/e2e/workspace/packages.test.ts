import { worlds } from '../../support/worlds.ts';
import { packagesIn } from './packages-in.ts';

for (const world of worlds) packagesIn(world);
