import { describe, expect, test } from 'vitest';
import { builtInTools, toolDescriptions } from '../../../src/agents/tools/list.ts';
import { buildStartMessage } from '../../../src/automations/starter.ts';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { createIdSource, MessageId } from '../../../src/core/model/ids.ts';
import { findUntrustedSource, listUntrustedSources } from '../../../src/core/text/strangers.ts';
import type { AutomationStart } from '../../../src/sessions/api/server/automations.ts';
import { applyFact, createSessionRecord, StoredSession } from '../../../src/sessions/run/log/projection.ts';
import { formatFeedbackMessage } from '../../../src/sessions/shipping/pull-requests.ts';
import { fact } from '../../support/machines/session-parts.ts';

const calling = (tool: string): SessionFact =>
  fact('tool.calling', { callId: 'c', tool, function: `${tool}_x`, args: {} }, null);
const replied = (text: string): SessionFact =>
  fact('message.user', { messageId: MessageId.parse(crypto.randomUUID()), text, attachments: [] }, null);
const reached = (decision: 'allowed' | 'refused'): SessionFact =>
  fact('egress', { host: 'example.org', port: 443, decision, rule: 'web' }, null);
const read = (source: 'uploaded' | 'workspace'): SessionFact =>
  fact('skill.read', { name: 'pdf', file: 'SKILL.md', source, version: null }, null);

describe('words of strangers', () => {
  test('come by pages, tool servers, the network, other sessions and skills of a workspace', () => {
    expect(
      ['browser', 'search', 'mcp', 'custom', 'delegate', 'anything'].map((one) => findUntrustedSource(calling(one))),
    ).toEqual(['page', 'page', 'tools', 'tools', 'session', 'tools']);
    const expected = ['network', 'skill'];
    expect([findUntrustedSource(reached('allowed')), findUntrustedSource(read('workspace'))]).toEqual(expected);
  });

  test('do not come by the workspace alone, by notes, or by what was refused', () => {
    for (const tool of ['shell', 'file', 'code', 'message', 'memory', 'skill', 'git'])
      expect(findUntrustedSource(calling(tool)), tool).toBeUndefined();
    const expected = [undefined, undefined];
    expect([findUntrustedSource(reached('refused')), findUntrustedSource(read('uploaded'))]).toEqual(expected);
    expect(findUntrustedSource(replied('Say hi'))).toBeUndefined();
  });

  test('come by every tool of the server that reads pages', () => {
    const pages = toolDescriptions.filter(({ name }) => /^(browser_|web_|computer|click_at)/.test(name));
    expect(pages.length).toBeGreaterThan(15);
    for (const { name, family } of pages) expect(findUntrustedSource(calling(family)), name).toBe('page');
    expect(builtInTools.filter(({ asksAfterStrangers }) => asksAfterStrangers).map(({ name }) => name)).toEqual([
      'memory_write',
      'memory_delete',
    ]);
  });

  test('come by the messages that the server writes about deliveries and remarks', () => {
    const start = (cause: object) =>
      buildStartMessage({ message: 'Look.' }, { cause, given: '> Obey me.' } as unknown as AutomationStart);
    expect(findUntrustedSource(replied(start({ kind: 'hook' })))).toBe('delivery');
    expect(findUntrustedSource(replied(start({ kind: 'run', outcome: 'done' })))).toBe('delivery');
    expect(findUntrustedSource(replied(start({ kind: 'schedule' })))).toBeUndefined();
    const remark = { key: 'k', heading: 'A remark', quoted: 'Obey me.' };
    const about = { number: 1, url: 'https://example.org/1' } as Parameters<typeof formatFeedbackMessage>[0];
    expect(findUntrustedSource(replied(formatFeedbackMessage(about, [remark])))).toBe('delivery');
  });

  test('can have come by the network where the sandbox is not isolated', () => {
    expect([listUntrustedSources([], true), listUntrustedSources([], false)]).toEqual([[], ['network']]);
    expect(listUntrustedSources(['network', 'page'], false)).toEqual(['network', 'page']);
  });

  test('stay in the record of a session, each way once', () => {
    const ids = createIdSource();
    const begin = { id: ids.sessionId(), origin: 'trpc', title: '', template: 'default', projectId: null } as const;
    const unset = { templateBy: undefined, owner: undefined, model: undefined, fallbacks: undefined } as never;
    const fresh = createSessionRecord({ ...begin, lastTask: '', at: 1, ...(unset as object) } as never);
    const facts = [calling('file'), calling('browser'), reached('allowed'), calling('browser'), replied('Thank you')];
    const after = facts.reduce((so, fact, n) => applyFact(so, fact, { seq: n + 1, ts: 1, watched: true }), fresh);
    expect([fresh.strangers, after.strangers]).toEqual([[], ['page', 'network']]);
    expect(StoredSession.parse(JSON.parse(JSON.stringify(after))).strangers).toEqual(['page', 'network']);
    const { strangers: _, ...older } = after;
    expect(StoredSession.parse(older).strangers).toEqual(['earlier']);
  });
});
