// @module-tag all
import { simulationSuite } from '../../support/simulation/suite.ts';

// Every situation that the suite names occurs in these seeds. `npm test` runs the seeds before them.
simulationSuite('test/unit/simulation/first-thousand.test.ts', 151, 651);
