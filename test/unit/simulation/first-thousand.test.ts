// @module-tag all
import { simulationSuite } from '../../support/simulation/suite.ts';

// These seeds reach every situation that the suite names. `npm test` runs those before them.
simulationSuite('test/unit/simulation/first-thousand.test.ts', 151, 651);
