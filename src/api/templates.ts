import { z } from 'zod';
import { procedure, router } from './procedure/procedure.ts';
import { Templates, templateList } from './views/templates.ts';

export const templatesRouter = router({
  /** The templates of agents, for new sessions and projects. */
  list: procedure
    .input(z.strictObject({}).optional())
    .output(Templates)
    .query(({ ctx }) => templateList(ctx.services)),
});
