import { worldsOrOnly } from '../../support/worlds.ts';
import { packagesIn } from './packages-in.ts';

for (const world of worldsOrOnly('docker')) packagesIn(world);
