// @module-tag all
import { simulationSuite } from '../../support/simulation/suite.ts';

// They reach every situation that the suite names. The seeds before are those of `npm test`.
simulationSuite('test/unit/simulation/first-thousand.test.ts', 151, 651);
