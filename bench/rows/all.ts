import type { Row } from '../lib/measure.ts';
import { P01 } from './P01.ts';
import { P02 } from './P02.ts';
import { P03, P03Cluster } from './P03.ts';
import { P04, P04Cluster } from './P04.ts';
import { P05, P05Memory } from './P05.ts';
import { P06 } from './P06.ts';
import { P07 } from './P07.ts';
import { P08 } from './P08.ts';
import { P09 } from './P09.ts';
import { P10 } from './P10.ts';
import { P11 } from './P11.ts';
import { P12 } from './P12.ts';
import { P13 } from './P13.ts';
import { P14 } from './P14.ts';
import { P15 } from './P15.ts';
import { P16 } from './P16.ts';
import { P17 } from './P17.ts';
import { P18 } from './P18.ts';
import { P19 } from './P19.ts';
import { P20 } from './P20.ts';
import { P21 } from './P21.ts';
import { P22 } from './P22.ts';
import { P23 } from './P23.ts';
import { P24 } from './P24.ts';
import { P25, P25Tinyproxy } from './P25.ts';
import { P26, P26Files } from './P26.ts';
import { P27 } from './P27.ts';
import { P28 } from './P28.ts';
import { P29 } from './P29.ts';
import { P30 } from './P30.ts';
import { P31 } from './P31.ts';
import { P60 } from './P60.ts';
import { P61 } from './P61.ts';
import { P62 } from './P62.ts';
import { P63 } from './P63.ts';
import { P65, P65Process } from './P65.ts';
import { P71 } from './P71.ts';
import { P72 } from './P72.ts';
import { P73 } from './P73.ts';
import { P74 } from './P74.ts';
import { P75 } from './P75.ts';
import { P76 } from './P76.ts';
import { P77 } from './P77.ts';

/** All rows. A new row needs its file and a line here. */
export const rows: readonly Row[] = [
  P01,
  P02,
  P03,
  P03Cluster,
  P04,
  P04Cluster,
  P05,
  P05Memory,
  P06,
  P07,
  P08,
  P09,
  P10,
  P11,
  P12,
  P13,
  P14,
  P15,
  P16,
  P17,
  P18,
  P19,
  P20,
  P21,
  P22,
  P23,
  P24,
  P25,
  P25Tinyproxy,
  P26,
  P26Files,
  P27,
  P28,
  P29,
  P30,
  P31,
  P60,
  P61,
  P62,
  P63,
  P65,
  P65Process,
  P71,
  P72,
  P73,
  P74,
  P75,
  P76,
  P77,
];
