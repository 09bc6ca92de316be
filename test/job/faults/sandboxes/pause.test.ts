// @module-tag nightly
import { inEachWorld } from '../../../support/worlds.ts';
import { pausesIn } from './pauses-in.ts';

inEachWorld('process', 'with $driver', pausesIn);
