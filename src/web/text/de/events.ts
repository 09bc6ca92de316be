import type { FactType } from '../../../core/model/events.ts';
import { events as labels } from '../en/events.ts';

type GermanNames = { readonly [Type in FactType as `event.${Type}`]?: string };

const names: GermanNames = {
  'event.message.user': 'Eine Person schrieb',
  'event.run.started': 'Ein Lauf begann',
  'event.title': 'Die Sitzung hat einen Titel',
  'event.plan': 'Der Agent machte einen Plan',
  'event.step': 'Ein Schritt des Plans änderte sich',
  'event.message.delta': 'Mehr Text einer Nachricht',
  'event.message.assistant': 'Der Agent schrieb',
  'event.tool.calling': 'Ein Werkzeug wird aufgerufen',
  'event.tool.output': 'Mehr Ausgabe eines Aufrufs',
  'event.tool.called': 'Ein Aufruf endete',
  'event.child.started': 'Der Agent gab eine Aufgabe weiter',
  'event.skill.read': 'Der Agent las einen Skill',
  'event.run.wait': 'Der Lauf wartet auf eine Person',
  'event.run.resumed': 'Der Lauf geht weiter',
  'event.approval.requested': 'Ein Aufruf braucht Erlaubnis',
  'event.approval.resolved': 'Ein Aufruf wurde erlaubt oder nicht',
  'event.run.notice': 'Der Lauf wartet, statt zu arbeiten',
  'event.run.error': 'Der Lauf scheiterte',
  'event.run.end': 'Der Lauf endete',
  'event.session.created': 'Die Sitzung wurde angelegt',
  'event.session.forked': 'Die Sitzung wurde abgezweigt',
  'event.session.updated': 'Die Sitzung änderte sich',
  'event.sandbox.phase': 'Die Sandbox beginnt, ruht oder endet',
  'event.sandbox.untrusted': 'Die Sandbox brach ihr Protokoll',
  'event.sandbox.disk_exceeded': 'Die Sandbox belegte zu viel Platz',
  'event.sandbox.files_damaged': 'Gespeicherte Dateien waren beschädigt',
  'event.desktop': 'Der Bildschirm änderte sich',
  'event.egress': 'Die Sandbox fragte nach einem Host',
  'event.context.compacted': 'Das Gespräch wurde für das Modell gekürzt',
  'event.repository': 'Ein Repository wurde geholt, festgehalten oder gesendet',
  'event.goal': 'Das Ziel wird geprüft',
  'event.usage': 'Das Modell wurde gefragt',
};

/** A type of event without a German name has its label. */
export const events = { ...labels, ...names };
