// @module-tag nightly
import { simulationSuite } from '../../support/simulation/suite.ts';

simulationSuite('test/unit/simulation/second-thousand.test.ts', 652, 2_000);
