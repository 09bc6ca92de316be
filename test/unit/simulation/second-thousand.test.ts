import { simulationSuite } from '../../support/simulation/suite.ts';

simulationSuite('test/unit/simulation/second-thousand.test.ts', 1_001, 2_000);
