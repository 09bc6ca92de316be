import type { BenchRow } from '../lib/measure/measure.ts';
import type { SeriesPlan } from '../lib/measure/series.ts';
import { claims } from '../series/claims.ts';
import { cluster } from '../series/cluster.ts';
import { runs } from '../series/runs.ts';
import { command } from './command.ts';
import { egress, egressTunnel } from './egress.ts';
import { fanOut } from './fan-out.ts';
import { files } from './files.ts';
import { firstEvent } from './first-event.ts';
import { forkRow } from './fork.ts';
import { key } from './key.ts';
import { loadRow } from './load.ts';
import { daemonMemory, densityRows, memory } from './memory.ts';
import { output } from './output.ts';
import { page } from './page.ts';
import { llmSandbox, sweRex } from './peers.ts';
import { killRow, restartRow } from './restart.ts';
import { resumeRow } from './resume.ts';
import { runRow } from './run.ts';
import { screen } from './screen.ts';
import { burst, claimPodRow, startDockerRow, startPodRow, startProcessRow, startWarmRow } from './start.ts';
import { startDesktopRow } from './start-desktop.ts';
import { deletion, stopRow } from './stop.ts';

export const rows: readonly BenchRow[] = [
  startDockerRow,
  startDesktopRow,
  startProcessRow,
  startWarmRow,
  startPodRow,
  claimPodRow,
  burst,
  forkRow,
  command,
  output,
  files,
  key,
  firstEvent,
  fanOut,
  resumeRow,
  page,
  screen,
  stopRow,
  deletion,
  restartRow,
  killRow,
  loadRow,
  runRow,
  egress,
  egressTunnel,
  memory,
  daemonMemory,
  ...densityRows,
  llmSandbox,
  sweRex,
];

export const series: readonly SeriesPlan[] = [runs, claims, cluster];
