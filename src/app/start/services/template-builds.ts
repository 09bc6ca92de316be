import { SessionRecord } from '../../../core/model/records.ts';
import { TemplateBuildManager } from '../../../sessions/builds/template-builds.ts';
import type { ServerWithEngine } from '../engine.ts';

export function openTemplateBuilds(server: ServerWithEngine): TemplateBuildManager {
  const { config, records } = server;
  const { images, ...limits } = config.builds;
  const operators = new Set(config.e2b.templates.map((entry) => entry.split('=')[0]));
  return new TemplateBuildManager({
    ...server,
    policy: { ...limits, images: new Map(images.map((entry) => entry.split('=') as [string, string?]).map(pairOf)) },
    specOf: server.buildSpec,
    reach: server.reachFor,
    admit: async () => await server.diskFloor?.admit(),
    reserved: (name) => operators.has(name),
    async imagesInUse() {
      const all = await records.list('session');
      return new Set(all.flatMap(({ doc }) => SessionRecord.parse(doc).sandbox?.image ?? []));
    },
  });
}

const pairOf = ([name, image = name]: [string, string?]): [string, string] => [name, image];
