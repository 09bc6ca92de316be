// Pods cannot be frozen: a pause keeps the files, on a volume.
import { pausesIn } from '../job/faults/sandboxes/pauses-in.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';
import { kubernetesWorld } from '../support/cluster/kubernetes-world.ts';

const namespace = await clusterNamespace('pause');

pausesIn(kubernetesWorld(namespace, 'volume'));
