// @module-tag nightly
import { simulationSuite } from '../../support/simulation/suite.ts';

simulationSuite('test/unit/simulation/second-thousand.test.ts', 601, 2_000);
