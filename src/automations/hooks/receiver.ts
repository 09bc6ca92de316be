import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { parseJson } from '../../core/text/json.ts';
import { quoteLines, toShortLine } from '../../core/text/quote.ts';
import type { Secret } from '../../core/text/secret.ts';
import type {
  Automation,
  AutomationStart,
  HookRequest,
  HookResponse,
  HookSource,
  HookSpec,
} from '../../sessions/api/server/automations.ts';
import { type AutomationRecords, createAutomationStart } from '../records.ts';
import {
  type HookDelivery,
  type HookReader,
  readTextAt,
  readTextListAt,
  readTimeAt,
  readValueAt,
  type VerifiedDelivery,
  verifyHexHmac,
  verifyStandardWebhook,
} from './delivery.ts';
import { giteaHookReader, gitlabHookReader } from './forges.ts';
import { extractAuthoredText } from './own-text.ts';

const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

/** Returns why the delivery does not match the hook, or undefined if it does. */
export function explainMismatch(hook: HookSpec, { event, repository, sender, labels, assignees, text }: HookDelivery) {
  if (event === null) return undefined;
  const { account, label, senders, repositories } = hook;
  if (!hook.events.includes(event)) return `The automation does not start on ${event}.`;
  if (repositories.length > 0 && !repositories.some((one) => same(one, repository)))
    return 'The automation does not start for this repository.';
  if (account !== null && [account, `${account}[bot]`].some((own) => same(own, sender)))
    return 'The account of the automation caused this event itself.';
  if (senders.length > 0 && !senders.some((one) => same(one, sender)))
    return 'The automation does not start for this sender.';
  if (event === 'issue.labelled' && label !== null && !labels.some((one) => same(one, label)))
    return 'The automation starts for another label.';
  if (event === 'issue.assigned' && account !== null && !assignees.some((one) => same(one, account)))
    return 'The automation starts for another account.';
  if (event === 'comment.mention' && (account === null || !mentions(text, account)))
    return 'The comment does not mention the account of the automation.';
  return undefined;
}

/** Ignores quotes and code, and matches only whole words. */
function mentions(text: string, account: string): boolean {
  const name = account.replaceAll(/[.\\+*?[^\]$(){}=!<>|:#/-]/g, '\\$&');
  return new RegExp(`(^|[^\\w@/.-])@${name}(?![\\w-]|[./]\\w)`, 'i').test(extractAuthoredText(text));
}

const json: HookReader = {
  verify: verifyStandardWebhook,
  read: () => ({
    event: null,
    at: undefined,
    repository: '',
    sender: '',
    labels: [],
    assignees: [],
    about: '',
    url: '',
    text: '',
  }),
};

const maxFields = 100;

/** `{{path.of.a.field}}` becomes the field's text, or nothing for an unknown field. */
export function fillPlaceholders(template: string, payload: unknown): string {
  let fields = 0;
  return template.replaceAll(/\{\{\s*([\w$-]+(?:\.[\w$-]+)*)\s*\}\}/g, (text, path: string) => {
    if (++fields > maxFields) return text;
    const value = readValueAt(payload, path);
    if (value === undefined || value === null) return '';
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  });
}

const failures = new Set(['failure', 'timed_out', 'startup_failure']);

export const githubHookReader: HookReader = {
  verify: ({ headers, body }, secret) =>
    verifyHexHmac(/^sha256=([0-9a-f]{64})$/i.exec(headers['x-hub-signature-256'] ?? '')?.[1], body, secret),
  read(headers, payload) {
    const action = readTextAt(payload, 'action');
    const news = (part: string, more: Pick<HookDelivery, 'event'> & Partial<HookDelivery>): HookDelivery => ({
      at: readTimeAt(payload, `${part}.updated_at`),
      repository: readTextAt(payload, 'repository.full_name'),
      sender: readTextAt(payload, 'sender.login'),
      labels: [],
      assignees: [],
      about: `#${readTextAt(payload, 'issue.number', 'pull_request.number')} ${readTextAt(payload, 'issue.title', 'pull_request.title')}`,
      url: readTextAt(payload, `${part}.html_url`),
      text: readTextAt(payload, `${part}.body`),
      ...more,
    });
    switch (headers['x-github-event']) {
      case 'issues':
      case 'pull_request': {
        const part = headers['x-github-event'] === 'issues' ? 'issue' : 'pull_request';
        if (action === 'labeled')
          return news(part, { event: 'issue.labelled', labels: [readTextAt(payload, 'label.name')] });
        if (action !== 'assigned') return undefined;
        return news(part, { event: 'issue.assigned', assignees: [readTextAt(payload, 'assignee.login')] });
      }
      case 'issue_comment':
      case 'pull_request_review_comment':
        return action === 'created' ? news('comment', { event: 'comment.mention' }) : undefined;
      case 'pull_request_review': {
        if (action !== 'submitted') return undefined;
        const text = `${readTextAt(payload, 'review.state')}: ${readTextAt(payload, 'review.body')}`;
        return news('review', { event: 'review', at: readTimeAt(payload, 'review.submitted_at'), text });
      }
      case 'check_run':
      case 'workflow_run': {
        const part = headers['x-github-event'];
        if (action !== 'completed' || !failures.has(readTextAt(payload, `${part}.conclusion`))) return undefined;
        const pulls = readTextListAt(payload, `${part}.pull_requests`, 'number').map((number) => ` #${number}`);
        return news(part, {
          event: 'check.failed',
          at: readTimeAt(payload, `${part}.completed_at`, `${part}.updated_at`),
          about: `${readTextAt(payload, `${part}.name`)} failed at ${readTextAt(payload, `${part}.head_sha`)}${pulls.join('')}`,
          text: [readTextAt(payload, `${part}.output.title`), readTextAt(payload, `${part}.output.summary`)]
            .join('\n')
            .trim(),
        });
      }
      default:
        return undefined;
    }
  },
};

interface Deps extends Pick<ServerDependencies, 'clock'> {
  readonly records: AutomationRecords;
  readonly secretOf: (automationId: string) => Promise<Secret | undefined>;
  readonly wake: () => void;
  readonly count?: (outcome: string) => void;
}
const readers: Readonly<Record<HookSource, HookReader>> = {
  github: githubHookReader,
  gitlab: gitlabHookReader,
  gitea: giteaHookReader,
  json,
};

const limits = { maxBytes: 1_048_576, maxDepth: 64, maxValues: 50_000 };
const maxQuoted = 20_000; // maximum characters shown to the agent
const maxWaiting = 20; // maximum pending starts of one automation
/** Maximum age of a delivery with a signed timestamp, and maximum clock skew. */
const signedMs = 5 * 60_000;
/** Maximum age of an event with an unsigned time: forges sometimes deliver late. */
const unsignedMs = 60 * 60_000;

/** The same error for unknown addresses and wrong signatures, so that senders cannot discover automations. */
const unknown = () =>
  new AppError(
    'not_found',
    'The delivery was rejected: its address does not exist, or it is not signed with the secret of that address. The automation shows its address and creates secrets.',
  );

export class HookReceiver extends ServerComponent<Deps> {
  async receive(id: string, request: HookRequest): Promise<HookResponse> {
    const { count = () => {} } = this.deps;
    try {
      const answer = await this.#receive(id, request);
      count(answer.started ? 'started' : 'left_out');
      return answer;
    } catch (thrown) {
      count(toAppError(thrown).code);
      throw thrown;
    }
  }

  async #receive(id: string, request: HookRequest): Promise<HookResponse> {
    const { records, clock, wake } = this.deps;
    if (request.body.length > limits.maxBytes)
      throw new AppError('payload_too_large', `A delivery can have at most ${limits.maxBytes} bytes.`);
    const { automation, hook, proof } = await this.#verified(id, request);
    const payload = parsePayload(request.body);
    const news = readers[hook.source].read(request.headers, payload);
    if (!news) return { started: false, text: 'No automation starts on this event.' };
    this.#refuseOld(proof.signedAt ?? news.at, proof.signedAt === undefined ? unsignedMs : signedMs);
    const refusal = explainMismatch(hook, news);
    if (refusal !== undefined) return { started: false, text: refusal };
    if (automation.paused) return { started: false, text: 'The automation is paused.' };
    const waiting = (await records.openStarts(id)).filter(({ doc }) => doc.state === 'queued');
    if (waiting.length >= maxWaiting)
      throw new AppError(
        'rate_limited',
        `${maxWaiting} starts of the automation are already waiting. Send it again later.`,
        {
          retryAfterMs: 60_000,
        },
      );
    const start = startOf(automation, { proof, news, payload, at: clock.now() });
    if (!(await records.addStart(start))) return { started: false, text: 'This delivery was already received.' };
    wake();
    return { started: true, text: 'The automation starts.' };
  }

  async #verified(id: string, request: HookRequest) {
    const automation = await this.deps.records.get(id).catch((thrown: unknown) => {
      if (toAppError(thrown).code === 'not_found') throw unknown();
      throw thrown;
    });
    const { hook } = automation;
    const secret = hook && (await this.deps.secretOf(id));
    const proof = secret && readers[hook.source].verify(request, secret.reveal());
    if (!proof) throw unknown();
    return { automation, hook, proof };
  }

  #refuseOld(at: number | undefined, maxMs: number): void {
    if (at === undefined) throw new AppError('invalid_request', 'The delivery does not contain the time of its event.');
    const ageMs = this.deps.clock.now() - at;
    if (ageMs > maxMs)
      throw new AppError(
        'invalid_request',
        `The delivery is too late: its event is older than ${maxMs / 60_000} minutes. Nothing was started.`,
      );
    if (ageMs < -signedMs)
      throw new AppError('invalid_request', 'The time of the delivery is in the future. Check the clocks.');
  }
}

interface AcceptedDelivery {
  readonly proof: VerifiedDelivery;
  readonly news: HookDelivery;
  readonly payload: unknown;
  readonly at: number;
}

function startOf(automation: Automation, { proof, news, payload, at }: AcceptedDelivery): AutomationStart {
  const { source, template } = automation.hook as HookSpec;
  const { event, repository, sender, about, url, text } = news;
  const whole = template === null ? JSON.stringify(payload, null, 2) : fillPlaceholders(template, payload);
  const message =
    event === null ? whole : [`${event} in ${repository}: ${about}`, `by ${sender}`, url, '', text].join('\n');
  return createAutomationStart(automation, {
    id: `${automation.id}:hook-${proof.id}`,
    cause: { kind: 'hook', source, event, about: toShortLine(event === null ? '' : `${repository} ${about}`) },
    at,
    given: quoteLines(message, maxQuoted),
  });
}

/** GitHub sends a form-encoded body unless it is configured to send JSON. */
function parsePayload(body: Uint8Array): unknown {
  const prefix = Buffer.from('payload=');
  const isForm = Buffer.from(body.subarray(0, prefix.length)).equals(prefix);
  const text = isForm ? (new URLSearchParams(Buffer.from(body).toString()).get('payload') ?? '') : body;
  const parsed = parseJson(text, limits);
  if (parsed.ok) return parsed.value;
  throw new AppError('invalid_request', `The delivery cannot be read: ${parsed.detail}.`);
}
