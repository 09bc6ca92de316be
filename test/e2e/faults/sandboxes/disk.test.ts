import { worldsOrOnly } from '../../../support/worlds.ts';
import { diskIn } from './disk-in.ts';

for (const world of worldsOrOnly('docker')) diskIn(world);
