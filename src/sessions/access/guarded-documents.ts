import { AppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { DocumentService } from '../api/server/documents.ts';
import { authorizeRole, checkBy } from './authorize.ts';

const noDocument = () => new AppError('not_found', 'There is no such document.');

export const documentCheck = (documents: DocumentService, principalOf: () => Principal) =>
  checkBy((id: string) => documents.get(id), principalOf, noDocument);

/** Programs see the documents of their own key's owner; administrators see all. */
export const guardedDocuments = (
  documents: DocumentService,
  own: DocumentService,
  principalOf: () => Principal,
): DocumentService => ({
  ...own,
  async list(kind) {
    const { role, owner } = principalOf();
    return await documents.list(kind, role === 'reader' || hasRole({ role }, 'admin') ? undefined : (owner ?? ''));
  },
  async create(document) {
    const principal = principalOf();
    authorizeRole(principal, 'user');
    const { owner } = principal;
    return await documents.create({ ...document, ...(owner !== undefined && { owner }) });
  },
});
