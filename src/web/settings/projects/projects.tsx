import { useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { mutate, query } from '../../data/server.ts';
import { Button } from '../../parts/kit/button.tsx';
import { ResourceList, Sure, useResource } from '../../parts/kit/resource-list.tsx';
import { SchemaForm } from '../../parts/kit/schema-form.tsx';
import { projects, readProjects } from '../../sessions/filters.ts';
import { t } from '../../text/text.ts';
import { ProjectAccounts } from '../secrets/keys.tsx';

type Project = Outputs['projects']['list']['projects'][number];
type Member = Outputs['projects']['members'][number];
const memberRoles = ['viewer', 'member', 'maintainer'] as const;
const keyOf = ({ of, id, issuer }: Member) => `${of} ${issuer ?? ''} ${id}`;

/** The projects that the person sees, and the members of each. */
export function Projects() {
  const [id, setId] = useState('');
  const all = useResource<Project>(t('members.projectsUnread'), async () => {
    await readProjects();
    return projects.value;
  });
  const project = all.all?.find((one) => one.id === id);
  if (project) return <Members project={project} back={() => setId('')} />;
  return (
    <ResourceList
      of={all}
      about={t('members.about')}
      none={t('members.noProjects')}
      toItem={({ id: key, name, role }) => ({
        key,
        title: name,
        lines: role ? [t(`members.role.${role}`)] : [],
        open: () => setId(key),
      })}
    />
  );
}

function Members({ project: { id, name, role }, back }: { project: Project; back: () => void }) {
  const members = useResource<Member>(t('members.unread'), () => query('projects.members', { id }));
  const mayManage = role === 'maintainer' || role === 'owner' || role === null;
  const nameOf = (member: Member) => member.name ?? member.id;
  const placeOf = ({ of, id: member, issuer }: Member) => ({ id, of, member, ...(issuer !== null && { issuer }) });
  const change = (member: Member, next: (typeof memberRoles)[number]) =>
    members.act(t('notSaved'), async () => {
      await mutate('projects.putMember', { ...placeOf(member), role: next });
      return t('members.changed', { name: nameOf(member) });
    });
  const remove = (member: Member) =>
    members.act(t('members.notRemoved'), async () => {
      await mutate('projects.removeMember', placeOf(member));
      return t('members.removed', { name: nameOf(member) });
    });
  const choiceOf = (member: Member) => (
    <select
      class="field"
      aria-label={t('members.roleOf', { name: nameOf(member) })}
      value={member.role}
      onChange={({ currentTarget }) => change(member, currentTarget.value as (typeof memberRoles)[number])}
    >
      {memberRoles.map((one) => (
        <option key={one} value={one}>
          {t(`members.role.${one}`)}
        </option>
      ))}
    </select>
  );
  const removal = (member: Member) => (
    <Sure
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
        ...(mayManage &&
          member.role !== 'owner' && {
            action: (
              <span class="row sure">
                {choiceOf(member)}
                {removal(member)}
              </span>
            ),
          }),
      })}
    >
      {mayManage && (
        <SchemaForm
          of="projects.putMember"
          words="members"
          title={t('members.add')}
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
