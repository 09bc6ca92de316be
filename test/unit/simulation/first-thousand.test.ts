import { isNightly } from '../../support/runner/nightly.ts';
import { simulationSuite } from '../../support/simulation/suite.ts';

// 600 of them reach every situation that the suite names; a nightly run plays all.
simulationSuite('test/unit/simulation/first-thousand.test.ts', 1, isNightly ? 1_000 : 600);
