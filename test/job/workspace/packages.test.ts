// @module-tag nightly
import { inEachWorld } from '../../support/worlds.ts';
import { packagesIn } from './packages-in.ts';

inEachWorld('docker', 'with $driver', packagesIn);
