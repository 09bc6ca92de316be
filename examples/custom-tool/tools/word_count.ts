import { defineTool, z } from 'corral/tools';

export default defineTool({
  label: 'Count words',
  description: 'Count the words of a text file in the workspace, and name those that occur most.',
  parameters: z.object({
    path: z.string().min(1).describe('the file, relative to the workspace'),
    top: z.int().min(1).max(50).default(5).describe('how many of the most frequent words to name'),
  }),
  group: 'file_read',
  async run({ sandbox, log }, { path, top }) {
    const text = new TextDecoder().decode(await sandbox.readFile(path));
    const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
    log(`${words.length} words in ${path}`);
    if (words.length === 0) return { ok: false, output: `${path} has no words.` };
    const counts = new Map<string, number>();
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    const most = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, top);
    return [`${words.length} words, ${counts.size} different`, ...most.map(([word, n]) => `${n} ${word}`)].join('\n');
  },
});
