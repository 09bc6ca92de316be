// Pods cannot be frozen: a pause keeps the files, on a volume.
import { pausesIn } from '../e2e/faults/sandboxes/pauses-in.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';
import { kubernetesWorld } from '../support/cluster/kubernetes-world.ts';
import { isNightly } from '../support/runner/nightly.ts';

const namespace = await clusterNamespace('pause');

if (isNightly) pausesIn(kubernetesWorld(namespace, 'volume'));
