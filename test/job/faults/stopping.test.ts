// @module-tag all
import { inEachWorld } from '../../support/worlds.ts';
import { stoppingIn } from './stopping-in.ts';

inEachWorld('process', 'with $driver', stoppingIn);
