import type { SessionRecord } from '../../../core/model/records.ts';
import type { LiveConfig } from '../../settings/live-config.ts';
import type { Agents } from '../agents.ts';
import type { RunnableTemplates } from '../runnable-templates.ts';

interface Deps {
  readonly templates: Pick<Agents['templates'], 'get'>;
  readonly projects: Agents['projects'];
  readonly live: Pick<LiveConfig, 'now'>;
  readonly runnable: Pick<RunnableTemplates, 'check' | 'checkNamed'>;
}
type SessionTemplate = Pick<SessionRecord, 'template' | 'templateBy'>;

/**
 * The template of a new session: the named one, else that of its project, else the server's. Rejects for one that is not there
 * or cannot run here.
 */
export const sessionTemplates =
  ({ templates, projects, live, runnable }: Deps) =>
  async (named: string | undefined, projectId: SessionRecord['projectId']): Promise<SessionTemplate> => {
    if (named !== undefined) {
      const template = templates.get(named);
      const chosen = { template: template.name, templateBy: 'session' } as const;
      runnable.checkNamed(template, { ...chosen, projectId });
      return chosen;
    }
    if (projectId !== null) {
      const { template } = await projects.api.agents.get(projectId);
      runnable.check({ template, templateBy: undefined, projectId });
      return { template };
    }
    const { template } = live.now;
    if (template === undefined) return { template: 'default' };
    const usual = { template: templates.get(template).name, templateBy: 'server' } as const;
    runnable.check({ ...usual, projectId });
    return usual;
  };
