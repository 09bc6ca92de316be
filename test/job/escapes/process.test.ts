// @module-tag nightly
import { escapeTest } from '../../support/hostile/escape-test.ts';

escapeTest('process');
