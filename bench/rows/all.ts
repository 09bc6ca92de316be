import type { Row } from '../lib/measure.ts';
import { P06 } from './P06.ts';
import { P07 } from './P07.ts';

/** Every row there is; a new one is its file and a line here. */
export const rows: readonly Row[] = [P06, P07];
