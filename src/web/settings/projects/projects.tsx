import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { currentUser } from '../../data/people.ts';
import { fetchWithToken, mutate, mutateWithRetry, query } from '../../data/server.ts';
import { formatCount, formatDateTime } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { ConfirmButton, InlineConfirmation, ResourceList, useResourceList } from '../../parts/kit/resource-list.tsx';
import { SchemaForm } from '../../parts/kit/schema-form.tsx';
import { FormError, useActionError } from '../../parts/kit/trouble.tsx';
import { openNewProjectDialog } from '../../sessions/filter-bar.tsx';
import { loadProjects, projects } from '../../sessions/filters.ts';
import { t } from '../../text/text.ts';
import { readErrorDetail } from '../../work/files/store.ts';
import { CsvButton } from '../administration/csv.tsx';
import { loadSpendingFormatter } from '../administration/spending.ts';
import { ProjectAccounts } from '../secrets/keys.tsx';

type Project = Outputs['projects']['list']['projects'][number];
type Member = Outputs['projects']['members'][number];
const memberRoles = ['viewer', 'member', 'maintainer'] as const;
const keyOf = ({ of, id, issuer }: Member) => `${of} ${issuer ?? ''} ${id}`;

export const ProjectsPage = ({ reopenSettings }: { reopenSettings: () => void }) => (
  <ProjectList
    head={
      <div>
        <Button
          kind="primary"
          icon="plus"
          label={t('filter.newProjectTitle')}
          onClick={() => openNewProjectDialog(reopenSettings)}
        />
      </div>
    }
    about={t('members.about')}
    load={async () => {
      await loadProjects();
      return projects.value;
    }}
    linesOf={({ role }) => (role ? [t(`members.role.${role}`)] : [])}
  />
);

interface ListProps<Row> {
  readonly about: string;
  readonly load: () => Promise<readonly Row[]>;
  readonly linesOf: (row: Row) => readonly string[];
  /** False: the user cannot see the members. */
  readonly opens?: boolean;
  readonly head?: ComponentChildren;
  readonly children?: ComponentChildren;
}
type OpenProject = Pick<Project, 'id' | 'name' | 'role'>;
function ProjectList<Row extends OpenProject>({ load, linesOf, opens = true, ...rest }: ListProps<Row>) {
  const [id, setId] = useState('');
  const all = useResourceList<Row>(t('members.projectsUnread'), load);
  const project = all.all?.find((one) => one.id === id);
  const back = () => {
    setId('');
    void all.act(t('members.projectsUnread'), async () => {});
  };
  if (project) return <Members project={project} back={back} />;
  return (
    <ResourceList
      {...rest}
      of={all}
      none={t('members.noProjects')}
      toItem={(row) => ({
        key: row.id,
        title: row.name,
        lines: linesOf(row),
        ...(opens && { open: () => setId(row.id) }),
      })}
    />
  );
}

/** Only a member listed by id can become the owner: the server hides which e-mail addresses have signed in. */
const isNamedById = ({ of, id }: Member) => of === 'person' && !id.includes('@');

function Members({ project: { id, name, role }, back }: { project: OpenProject; back: () => void }) {
  const [heir, setHeir] = useState('');
  const [trouble, tryIt] = useActionError();
  const members = useResourceList<Member>(t('members.unread'), () => query('projects.members', { id }));
  const mayManage = role === 'maintainer' || role === 'owner' || role === null;
  const nameOf = (member: Member) => member.name ?? member.id;
  const placeOf = ({ of, id: member, issuer }: Member) => ({ id, of, member, ...(issuer !== null && { issuer }) });
  const change = (member: Member, next: (typeof memberRoles)[number]) => {
    const work = () => mutate('projects.putMember', { ...placeOf(member), role: next });
    return members.act(t('notSaved'), work, t('members.changed', { name: nameOf(member) }));
  };
  const remove = (member: Member) => {
    const work = () => mutate('projects.removeMember', placeOf(member));
    return members.act(t('members.notRemoved'), work, t('members.removed', { name: nameOf(member) }));
  };
  const handOver = (member: Member) => {
    const work = () => mutateWithRetry('projects.handOver', { id, to: member.id });
    return members.act(t('members.notHandedOver'), work, t('members.handedOver', { name: nameOf(member) }));
  };
  const leave = async (member: Member) => {
    const path = `/api/v1/projects/${id}/members/${encodeURIComponent(member.id)}`;
    const hasLeft = await tryIt(t('members.notLeft'), async () => {
      // Uses an HTTP request, because losing access closes the page's socket before the response.
      const answer = await fetchWithToken(path, { method: 'DELETE' });
      if (!answer.ok) throw new Error(await readErrorDetail(answer));
    });
    if (hasLeft) back();
  };
  const choose = (member: Member, next: Member['role']) =>
    next === 'owner' ? setHeir(keyOf(member)) : change(member, next);
  const renderChoice = (member: Member) => (
    <select
      class="field"
      aria-label={t('members.roleOf', { name: nameOf(member) })}
      value={member.role}
      onChange={({ currentTarget }) => choose(member, currentTarget.value as Member['role'])}
    >
      {[...memberRoles, ...(isNamedById(member) ? (['owner'] as const) : [])].map((one) => (
        <option key={one} value={one}>
          {t(`members.role.${one}`)}
        </option>
      ))}
    </select>
  );
  const isMe = ({ of, id: member }: Member) =>
    of === 'person' && [currentUser.value?.person, currentUser.value?.email?.toLowerCase()].includes(member);
  const removal = (member: Member) =>
    isMe(member) ? (
      <ConfirmButton
        label={t('members.leave')}
        name={t('members.leaveOne', { name })}
        ask={t('members.leaveAsk')}
        act={() => leave(member)}
      />
    ) : (
      <ConfirmButton
        label={t('members.remove')}
        name={t('members.removeOne', { name: nameOf(member) })}
        ask={t(member.of === 'group' ? 'members.removeGroupAsk' : 'members.removeAsk')}
        act={() => remove(member)}
      />
    );
  return (
    <ResourceList
      of={members}
      head={
        <div class="row">
          <Button icon="back" label={t('members.all')} onClick={back} />
          <strong>{name}</strong>
        </div>
      }
      toItem={(member) => ({
        key: keyOf(member),
        title: nameOf(member),
        lines: [
          ...(member.of === 'group' ? [t('members.of.group')] : []),
          ...(mayManage && member.role !== 'owner' ? [] : [t(`members.role.${member.role}`)]),
        ],
        ...((mayManage || isMe(member)) &&
          member.role !== 'owner' && {
            action:
              heir === keyOf(member) ? (
                <InlineConfirmation
                  label={t('members.handOver')}
                  name={t('members.handOverOne', { name: nameOf(member) })}
                  ask={t('members.handOverAsk', { name: nameOf(member) })}
                  act={() => handOver(member)}
                  end={() => setHeir('')}
                />
              ) : (
                <span class="row sure wrap">
                  {mayManage && renderChoice(member)}
                  {removal(member)}
                </span>
              ),
          }),
      })}
    >
      <FormError text={trouble} />
      {mayManage && (
        <SchemaForm
          of="projects.putMember"
          words="members"
          title={t('members.add')}
          draftKey={id}
          save={t('members.addOne')}
          value={{ of: 'person', role: 'member' }}
          fields={{ member: {}, of: {}, role: {} }}
          send={async (input) => {
            const added = await mutate('projects.putMember', { ...input, id });
            members.setAll((now) => [...now.filter((one) => keyOf(one) !== keyOf(added)), added]);
          }}
        />
      )}
      {mayManage && <ProjectAccounts id={id} />}
    </ResourceList>
  );
}

type ListedProject = Outputs['administration']['projects']['projects'][number];
const pageLength = 500;

export function AllProjectsPage() {
  const [all, setAll] = useState<readonly ListedProject[]>([]);
  const load = async () => {
    const spentBy = loadSpendingFormatter('project');
    const found: ListedProject[] = [];
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
