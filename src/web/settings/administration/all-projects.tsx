import { useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { currentUser } from '../../data/people.ts';
import { query } from '../../data/server.ts';
import { formatCount, formatDateTime } from '../../parts/format.ts';
import { t } from '../../text/text.ts';
import { ProjectList } from '../projects/projects.tsx';
import { CsvButton } from './csv.tsx';
import { loadSpendingFormatter } from './spending.ts';

type Project = Outputs['administration']['projects']['projects'][number];
const pageLength = 500;

export function AllProjectsPage() {
  const [all, setAll] = useState<readonly Project[]>([]);
  const load = async () => {
    const spentBy = loadSpendingFormatter('project');
    const found: Project[] = [];
    for (let total = 1; found.length < total; ) {
      const page = await query('administration.projects', { skip: found.length, limit: pageLength });
      found.push(...page.projects);
      total = page.projects.length === 0 ? 0 : page.total;
    }
    setAll(found);
    const spent = await spentBy;
    return found.map((row) => ({ ...row, role: null, spent: spent(row.id) }));
  };
  return (
    <ProjectList
      about={t('administration.projects.about')}
      load={load}
      opens={currentUser.value?.role === 'admin'}
      linesOf={({ owner, ownerName, members, sessions, spent, createdAt }) => [
        [ownerName ?? owner ?? t('usage.nobody'), t('keys.createdAt', { at: formatDateTime(createdAt) })].join(' · '),
        [
          t('administration.members', { n: formatCount(members) }),
          t('administration.sessions', { n: formatCount(sessions) }),
          spent,
        ].join(' · '),
      ]}
    >
      <CsvButton name="projects" table={() => [[...columns], ...all.map((row) => columns.map((name) => row[name]))]} />
    </ProjectList>
  );
}
const columns = ['id', 'name', 'owner', 'ownerName', 'members', 'sessions', 'createdAt'] as const;
