import { z } from 'zod';
import { SkillId, VersionName } from '../../api/skills.ts';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { bytes, describing } from '../../http/routes/route-docs.ts';
import type { FacadeRoutes } from '../../http/routes/routes.ts';
import type { SkillService } from '../../sessions/api/server/skills.ts';

const about = describing({ tag: 'Skills', prefix: 'skills', failures: detailFailures });

export const skillDownload = (service: Pick<SkillService, 'download'>): FacadeRoutes => ({
  mount(app) {
    app.get(
      '/api/v1/skills/:id/versions/:version/content',
      {
        schema: {
          params: z.object({ id: SkillId, version: VersionName }),
          response: { 200: bytes('The folder as a zip file', 'application/zip') },
        },
        config: { doc: about('Download', 'Download a version as a zip file', { fails: [404] }) },
      },
      async ({ params }, reply) => {
        const { name, content } = await service.download(params.id, params.version);
        return reply
          .type('application/zip')
          .header('content-disposition', `attachment; filename="${name}.zip"`)
          .send(content as never);
      },
    );
  },
});
