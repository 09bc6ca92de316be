import { defineDriver } from '../descriptor.ts';
import { kubernetesSettings } from './settings.ts';

export const kubernetesDescriptor = defineDriver({
  label: 'pods of a Kubernetes cluster',
  desktopNeeds: 'A desktop needs the setting sandbox.desktop (CORRAL_SANDBOX_DESKTOP=true).',
  settings: kubernetesSettings,
  open: async (input, parts) => await (await import('./open.ts')).openKubernetesDriver(input, parts),
  async strict(input, refuse) {
    if (input.runtimeClass !== undefined) return input; // only the cluster can check the class's handler
    throw refuse(
      'the runtime class is missing: set CORRAL_KUBERNETES_RUNTIME_CLASS to one of the cluster whose handler is gVisor or Kata.',
    );
  },
});
