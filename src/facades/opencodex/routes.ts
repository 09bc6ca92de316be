import type { Dialect } from '../shared/routes.ts';
import { mountAgents } from './agents.ts';
import { mountChats } from './chats.ts';
import type { OpencodexDeps } from './context.ts';
import { mountConversation } from './conversation.ts';
import { mountCredentials } from './credentials.ts';
import { mountFiles } from './files.ts';
import { mountProjects } from './projects.ts';
import { mountSandbox } from './sandbox.ts';
import { mountSettings } from './settings.ts';
import { mountStream } from './stream.ts';
import { mountWorkspace } from './workspace.ts';

export function opencodex(deps: OpencodexDeps): Dialect {
  return {
    mount(app) {
      mountProjects(app, deps);
      mountAgents(app, deps);
      mountChats(app, deps);
      mountConversation(app, deps);
      mountStream(deps);
      mountSandbox(app, deps);
      mountWorkspace(app, deps);
      mountFiles(app, deps);
      mountSettings(app, deps);
      mountCredentials(app, deps);
    },
  };
}
