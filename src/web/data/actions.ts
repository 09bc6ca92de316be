import { parseRepository } from '../../core/text/repository-address.ts';
import { navigateToSession } from './route.ts';
import { createRandomKey, type InputOf, mutate, mutateWithRetry } from './server.ts';
import { currentSessionId } from './sessions.ts';

/** A check without `timeoutSeconds` has the server's default time limit. */
export type GoalInput = NonNullable<InputOf<'runs.send'>['goal']>;

interface NewMessage {
  readonly text: string;
  readonly attachments?: readonly string[];
  /** One line, in the format of `parseRepository`. */
  readonly repository?: string | undefined;
  readonly skills?: readonly string[];
  /** With a goal, the message starts its own run. */
  readonly goal?: GoalInput | undefined;
  /** Used only for a new session. */
  readonly session?: Partial<Record<'model' | 'template' | 'projectId', string | undefined>>;
  /** Called with the id of a new session before it opens. */
  readonly onCreated?: (id: string) => void;
}

export async function sendMessage(message: NewMessage) {
  const { text, attachments = [], repository, skills = [], goal, session, onCreated } = message;
  let sessionId = currentSessionId.value;
  if (sessionId === undefined) {
    const { id } = await mutateWithRetry('sessions.create', {
      ...session,
      ...(skills.length > 0 && { skills: [...skills] }),
      ...(repository !== undefined && { repositories: [parseRepository(repository)] }),
      clientSessionId: createRandomKey(),
    });
    sessionId = id;
    onCreated?.(id);
    if (currentSessionId.peek() === undefined) navigateToSession(id);
  }
  const sent = { sessionId, text, mode: 'inject' as const, attachments: [...attachments], goal };
  await mutateWithRetry('runs.send', { ...sent, clientMessageId: createRandomKey() });
}

export const stopRun = (sessionId: string) => mutateWithRetry('runs.stop', { sessionId });
export const setSessionPinned = (id: string, pinned: boolean) => mutateWithRetry('sessions.update', { id, pinned });
export const setSessionArchived = (id: string, archived: boolean) =>
  mutateWithRetry('sessions.update', { id, archived });
export const deleteSession = (id: string) => mutate('sessions.delete', { id });
