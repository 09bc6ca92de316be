// @module-tag all
import { escapeTest } from '../../support/hostile/escape-test.ts';

escapeTest('process');
