// @module-tag all
import { simulationSuite } from '../../support/simulation/suite.ts';

// 600 of them reach every situation that the suite names.
simulationSuite('test/unit/simulation/first-thousand.test.ts', 1, 600);
