import { createSeccompProfile } from '../../../drivers/shared/seccomp/oci.ts';
import type { ServerCommandDefinition } from './command.ts';

export const seccompProfileCommand: ServerCommandDefinition = {
  usage: '',
  about: "prints the sandboxes' seccomp profile, for the folder /var/lib/kubelet/seccomp of each node of a cluster",
  async run(_args, { print }) {
    print(JSON.stringify(JSON.parse(createSeccompProfile()), undefined, 2));
    return 0;
  },
};
