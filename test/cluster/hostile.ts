// Hostile code in pods: it hides its processes, and installs packages.
import { stoppingIn } from '../job/faults/stopping-in.ts';
import { packagesIn } from '../job/workspace/packages-in.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';
import { kubernetesWorld } from '../support/cluster/kubernetes-world.ts';

const namespace = await clusterNamespace('hostile');
stoppingIn(kubernetesWorld(namespace, 'ephemeral'));
packagesIn(kubernetesWorld(namespace, 'ephemeral'));
