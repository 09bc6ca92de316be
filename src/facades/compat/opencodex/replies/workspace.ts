import { z } from 'zod';
import { jsonReply } from '../../../../http/routes/route-docs.ts';
import { exampleUuid } from './examples.ts';

const WorkspaceFile = z.object({
  id: z.string().optional(),
  name: z.string(),
  path: z.string(),
  size: z.int(),
  type: z.enum(['uploaded', 'output']),
  mime_type: z.string().nullable(),
});
export type WorkspaceFile = z.output<typeof WorkspaceFile>;

export const workspaceFilesReply = jsonReply(
  'Files',
  z.object({
    uploaded: z.array(WorkspaceFile),
    output: z.array(WorkspaceFile),
    truncated: z.literal(true).optional(),
  }),
  {
    uploaded: [
      {
        id: exampleUuid,
        name: 'data.csv',
        path: '/workspace/project_files/data.csv',
        size: 4,
        type: 'uploaded',
        mime_type: 'text/csv',
      },
    ],
    output: [{ name: 'out.csv', path: '/workspace/out.csv', size: 4, type: 'output', mime_type: 'text/csv' }],
  },
);

const Content = z.object({
  path: z.string(),
  content: z.string(),
  is_binary: z.boolean(),
  mime_type: z.string().nullable(),
});
export type WorkspaceFileContent = z.output<typeof Content>;
export const workspaceFileReply = jsonReply('Text, or an image as a data URI', Content, {
  path: '/workspace/out.csv',
  content: 'a,b\n',
  is_binary: false,
  mime_type: 'text/csv',
});
