import type { Row } from '../lib/measure/measure.ts';
import type { SeriesPlan } from '../lib/measure/series.ts';
import { claims } from '../series/claims.ts';
import { cluster } from '../series/cluster.ts';
import { runs } from '../series/runs.ts';
import { command } from './command.ts';
import { egress, egressTunnel } from './egress.ts';
import { fanOut } from './fan-out.ts';
import { files } from './files.ts';
import { firstEvent } from './first-event.ts';
import { fork } from './fork.ts';
import { key } from './key.ts';
import { load } from './load.ts';
import { daemonMemory, densities, memory } from './memory.ts';
import { output } from './output.ts';
import { page } from './page.ts';
import { llmSandbox, sweRex } from './peers.ts';
import { kill, restart } from './restart.ts';
import { resume } from './resume.ts';
import { run } from './run.ts';
import { screen } from './screen.ts';
import { burst, claimPodRow, startDocker, startPod, startProcess, startWarm } from './start.ts';
import { startDesktop } from './start-desktop.ts';
import { deletion, stop } from './stop.ts';

export const rows: readonly Row[] = [
  startDocker,
  startDesktop,
  startProcess,
  startWarm,
  startPod,
  claimPodRow,
  burst,
  fork,
  command,
  output,
  files,
  key,
  firstEvent,
  fanOut,
  resume,
  page,
  screen,
  stop,
  deletion,
  restart,
  kill,
  load,
  run,
  egress,
  egressTunnel,
  memory,
  daemonMemory,
  ...densities,
  llmSandbox,
  sweRex,
];

export const series: readonly SeriesPlan[] = [runs, claims, cluster];
