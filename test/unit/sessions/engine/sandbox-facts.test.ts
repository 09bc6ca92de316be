import { expect, test } from 'vitest';
import { type SandboxFact, SandboxFacts } from '../../../../src/sessions/engine/sandbox/sandbox-facts.ts';
import { sessionId } from '../../../support/machines/session-parts.ts';

test('a fact goes to the listener; one that is told before anyone listens is dropped', () => {
  const facts = new SandboxFacts();
  const heard: unknown[] = [];
  const fact: SandboxFact = { type: 'egress', data: { host: 'a' } };
  facts.tell(sessionId, fact);
  facts.listen((id, one) => heard.push([id, one]));
  facts.tell(sessionId, fact);
  expect(heard).toEqual([[sessionId, fact]]);
});
