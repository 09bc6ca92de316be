import type { SeriesPlan } from '../lib/series.ts';
import { clusterPods } from './cluster-pods.ts';
import { idle } from './idle.ts';
import { logLength } from './log-length.ts';
import { sessions } from './sessions.ts';
import { severalServers } from './several-servers.ts';
import { storeCalls } from './store-calls.ts';
import { subscribers } from './subscribers.ts';

/** All series. A new one needs its file and a line here. */
export const series: readonly SeriesPlan[] = [
  sessions,
  idle,
  logLength,
  subscribers,
  clusterPods,
  severalServers,
  storeCalls,
];
