import { z } from 'zod';
import { memberRoles } from '../principal.ts';

export const ProjectMember = z.object({
  of: z.enum(['person', 'group']),
  /** A user's id or lower-case e-mail address, a key's owner, or a group's name. */
  id: z.string(),
  issuer: z.string().optional(),
  role: z.enum(memberRoles),
});
export type ProjectMember = z.infer<typeof ProjectMember>;

export const ProjectAccessRecord = z.object({
  id: z.string(),
  createdAt: z.number(),
  owner: z.string().optional(),
  members: z.array(ProjectMember).default([]),
  /** Incremented when a session or resource leaves the project, so that the members' open streams end. */
  departures: z.int().default(0),
});
export type ProjectAccessRecord = z.infer<typeof ProjectAccessRecord>;

export function toMemberKey({ of, id, issuer }: Omit<ProjectMember, 'role'>): string {
  if (of === 'group') return `${issuer ?? ''}\n${id}`;
  return id.includes('@') ? id.toLowerCase() : id;
}
