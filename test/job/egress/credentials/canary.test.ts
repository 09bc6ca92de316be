// @module-tag all
import { canaryOfCredentials } from '../../../support/egress/credential-canary.ts';
import { inEachWorld } from '../../../support/worlds.ts';

inEachWorld('process', 'with $driver', canaryOfCredentials);
