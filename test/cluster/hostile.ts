// Hostile code in pods: it hides its processes, and installs packages.
import { stoppingIn } from '../e2e/faults/stopping-in.ts';
import { packagesIn } from '../e2e/workspace/packages-in.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';
import { kubernetesWorld } from '../support/cluster/kubernetes-world.ts';
import { isNightly } from '../support/runner/nightly.ts';

const namespace = await clusterNamespace('hostile');
stoppingIn(kubernetesWorld(namespace, 'ephemeral'));
if (isNightly) packagesIn(kubernetesWorld(namespace, 'ephemeral'));
