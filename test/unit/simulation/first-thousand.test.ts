import { simulationSuite } from '../../support/simulation/suite.ts';

simulationSuite('test/unit/simulation/first-thousand.test.ts', 1, 1_000);
