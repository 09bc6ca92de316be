import { escapeTest } from '../../support/escape-test.ts';

escapeTest('process');
