import { simulationSuite } from '../../support/simulation/suite.ts';

simulationSuite('test/unit/simulation/first-seeds.test.ts', 1, 150);
