import type { SessionRecord } from '../../../core/model/records.ts';
import type { ResolvedTemplate } from '../../../sessions/services/sessions/creation.ts';
import type { ServerWithEngine } from '../engine.ts';
import type { TemplateAvailabilityChecker } from '../runnable-templates.ts';

/** Rejects if the template cannot run here. Only a project's template may be missing. */
export const createTemplateResolver =
  (
    { templates, projects, live }: ServerWithEngine,
    runnable: Pick<TemplateAvailabilityChecker, 'check' | 'checkNamed'>,
  ) =>
  async (named: string | undefined, projectId: SessionRecord['projectId']): Promise<ResolvedTemplate> => {
    if (named !== undefined) {
      const template = templates.get(named);
      const chosen = { template: template.name, templateBy: 'session' } as const;
      runnable.checkNamed(template, { ...chosen, projectId });
      return { ...chosen, brings: template.repositories, mounts: template.volumes };
    }
    if (projectId !== null) {
      const { template } = await projects.api.agents.get(projectId);
      runnable.check({ template, templateBy: undefined, projectId });
      const found = templates.find(template);
      return { template, brings: found?.repositories, mounts: found?.volumes };
    }
    const { template } = live.now;
    if (template === undefined) return { template: 'default' };
    const found = templates.get(template);
    const usual = { template: found.name, templateBy: 'server' } as const;
    runnable.check({ ...usual, projectId });
    return { ...usual, brings: found.repositories, mounts: found.volumes };
  };
