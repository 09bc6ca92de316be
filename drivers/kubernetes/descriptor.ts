import { defineDriver } from '../descriptor.ts';
import { kubernetesSettings } from './settings.ts';

export const kubernetes = defineDriver({
  label: 'pods of a Kubernetes cluster',
  desktopNeeds: 'A desktop needs the setting sandbox.desktop.',
  settings: kubernetesSettings,
  open: async (input, parts) => await (await import('./open.ts')).openKubernetes(input, parts),
  async strict(input, refuse) {
    if (input.runtimeClass !== undefined) return input; // the cluster knows the class's handler
    throw refuse(
      'no runtime class is named: set CORRAL_KUBERNETES_RUNTIME_CLASS to a class of the cluster whose handler is gVisor or Kata.',
    );
  },
});
