import type { FacadeRoutes } from '../../../http/routes/routes.ts';
import { mountAgents } from './agents.ts';
import type { OpencodexDeps } from './context.ts';
import { mountChats } from './conversation/chats.ts';
import { mountConversation } from './conversation/conversation.ts';
import { MessageListTracker } from './conversation/list-answers.ts';
import { mountStream } from './conversation/stream.ts';
import { mountCredentials } from './credentials.ts';
import { mountProjects } from './projects.ts';
import { mountSettings } from './settings.ts';
import { mountFiles } from './workspace/files.ts';
import { mountSandbox } from './workspace/sandbox.ts';
import { mountWorkspace } from './workspace/workspace.ts';

export function createOpencodexRoutes(deps: OpencodexDeps): FacadeRoutes {
  return {
    mount(app) {
      mountProjects(app, deps);
      mountAgents(app, deps);
      mountChats(app, deps);
      const lists = new MessageListTracker(deps.clock);
      mountConversation(app, deps, lists);
      mountStream(deps, lists);
      mountSandbox(app, deps);
      mountWorkspace(app, deps);
      mountFiles(app, deps);
      mountSettings(app, deps);
      mountCredentials(app, deps);
    },
  };
}
