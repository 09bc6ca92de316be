// @module-tag nightly
import { inEachWorld } from '../../../support/worlds.ts';
import { diskIn } from './disk-in.ts';

inEachWorld('docker', 'with $driver', diskIn);
