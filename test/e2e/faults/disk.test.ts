import { worlds } from '../../support/worlds.ts';
import { diskIn } from './disk-in.ts';

for (const world of worlds) diskIn(world);
