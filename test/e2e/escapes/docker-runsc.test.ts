import { escapeTest } from '../../support/escape-test.ts';

escapeTest('docker:runsc');
